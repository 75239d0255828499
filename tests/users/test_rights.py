"""What bricks may do, from the fragments of all of them - each case a file in rights/ - and what the mirror may."""

from pathlib import Path

import pytest
import yaml

from bus.topics.mirror_patterns import Patterns
from bus.topics.model import merge_fragments
from bus.users.plan import from_props
from bus.users.rights import of_bricks, of_mirrors

CASES = sorted((Path(__file__).parent / "rights").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_rights_follow_from_the_fragments(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    topics, problems = merge_fragments({f"values/{b}.yml": (b, entries) for b, entries in given["files"].items()})
    assert problems == []
    here = [topic for topic in topics if topic.applies_to(given.get("kind", "central"))]
    assert of_bricks(here, set(given.get("streams", []))) == given["rights"]


def test_no_brick_may_touch_the_cluster_or_everything() -> None:
    topics, _ = merge_fragments({"values/a.yml": ("a", [{"name": "t"}]), "values/b.yml": ("b", [{"name": "v"}])})
    for brick, rights in of_bricks(topics, {"a"}).items():
        for acl in from_props(brick, rights):
            assert acl.kind in ("topics", "groups", "transactionalIds")
            assert acl.name != "*"
            assert not acl.name.endswith("*") or acl.name == f"{brick}-*"


TOPICS = {
    "central": ["cineges.film.data", "cineges.vente.save", "as400.film"],
    "cinecity": ["cineges.film.data", "cineges.vente.save"],
    "kone": ["cineges.vente.save"],
}
PATTERNS = {"cinecity": Patterns(["cineges.*.data"], ["cineges.*.save"]), "kone": Patterns(["cineges.*.data"], [])}


def test_the_mirror_reads_on_one_side_and_writes_on_the_other() -> None:
    state = {"mm2-*": "create, describeConfigs, read, write"}
    assert of_mirrors(TOPICS, PATTERNS) == {
        "central": {
            "topics": {"cineges.film.data": "describeConfigs, read", "cineges.vente.save": "write", **state},
            "groups": {"cinecity-mm2": "read", "kone-mm2": "read"},
        },
        "cinecity": {
            "topics": {"cineges.film.data": "write", "cineges.vente.save": "describeConfigs, read", **state},
            "groups": {"central-mm2": "read"},
        },
        "kone": {"topics": {"cineges.film.data": "create, write", **state}, "groups": {"central-mm2": "read"}},
    }


def test_the_mirror_may_not_read_what_no_pattern_takes() -> None:
    assert not [site for site, rights in of_mirrors(TOPICS, PATTERNS).items() if "as400.film" in rights["topics"]]
