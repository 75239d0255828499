"""Mappings that nobody here wrote: made, looked at again, changed, looked at again - no drift at the second look."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus.indices.admin import Admin
from bus.indices.diff.drift import seen
from bus.indices.diff.plan import WantedIndex, plan
from bus.indices.diff.settings import flatten
from bus.merge import merge
from tests.support.elasticsearch import Node, shared_node

pytestmark = pytest.mark.servers
node = shared_node
ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("BUS_TEST_DATA", str(ROOT.parent / "shared/data")))
# Not fetched: modules mapper-extras, constant-keyword, wildcard and so on are not in the server of these tests.
STAND_INS = {"scaled_float": "double", "match_only_text": "text", "constant_keyword": "keyword", "wildcard": "keyword"}
COMPONENTS = sorted((DATA / "ecs/component").glob("*.json"))


@pytest.fixture(scope="module")
def admin(node: Node) -> Iterator[Admin]:
    with closing(Admin(node.url)) as admin:
        yield admin


def here(definition: Any) -> Any:
    """A mapping with the types that the server of these tests has; a lone parameter of another type goes with it."""
    if isinstance(definition, list):
        return [here(item) for item in definition]
    if not isinstance(definition, dict):
        return definition
    found = {key: here(value) for key, value in definition.items()}
    kind = found.get("type")
    if isinstance(kind, str) and kind in STAND_INS:
        found = {key: value for key, value in found.items() if key not in ("scaling_factor", "value")}
        found["type"] = STAND_INS[kind]
    return found


def declared(name: str, content: dict[str, Any]) -> WantedIndex:
    template = content["template"]
    return WantedIndex(name, here(template.get("mappings", {})), flatten(template.get("settings", {})), {})


@pytest.mark.parametrize("file", COMPONENTS, ids=lambda path: path.stem)
def test_no_drift_after_making_and_after_a_change(file: Path, admin: Admin) -> None:
    wanted = declared(f"ecs-{file.stem}", json.loads(file.read_text()))
    more = {"properties": {"added_by_bus": {"type": "keyword", "ignore_above": 9}}}
    changed = WantedIndex(wanted.name, merge(wanted.mappings, more), {**wanted.settings, "refresh_interval": "9s"}, {})
    before = None
    for version in (wanted, changed):
        live = admin.read([version.name]).get(version.name)
        admin.apply([plan(live, version, before)])
        live = admin.read([version.name])[version.name]
        again = plan(live, version, version)
        assert again.is_nothing, [str(difference) for difference in again.differences]
        assert seen(live, version) == version
        before = version
    admin.delete([wanted.name])


@pytest.mark.parametrize("files", [COMPONENTS] if COMPONENTS else [], ids=["ecs"] if COMPONENTS else [])
def test_no_drift_of_the_whole_corpus_in_one_index(files: list[Path], admin: Admin) -> None:
    parts = [json.loads(file.read_text())["template"].get("mappings", {}) for file in files]
    wanted = WantedIndex("ecs-all", here(merge(*parts)), {"mapping.total_fields.limit": "4000"}, {})
    admin.apply([plan(None, wanted)])
    live = admin.read([wanted.name])[wanted.name]
    assert plan(live, wanted, wanted).is_nothing
    assert seen(live, wanted) == wanted
    admin.delete([wanted.name])
