"""Each parameter and setting of an index in its legal spellings: made, read back, and no difference by any reading.

A line of spellings/*.jsonl is one index. A spelling that a version refuses is counted, and proves nothing there.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.errors import PartialFailure
from bus.indices import converging
from bus.indices.admin import Admin
from bus.indices.diff.plan import WantedIndex, plan
from bus.indices.diff.settings import flatten
from bus.indices.diff.to_fragment import fragment_of
from tests.support.elasticsearch import OLDER, VERSION, elasticsearch, folder_of_nobody, shared_node

pytestmark = pytest.mark.servers
node = shared_node
WHOLE = bool(os.environ.get("BUS_WHOLE"))
EVERY = 1 if WHOLE else 4
"""of the table; an ordinary run takes the newest server alone"""
AT_ONCE = 40
FOLDER = Path(__file__).parent / "spellings"


def cases(kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{kind}.jsonl").read_text().splitlines()][::EVERY]


def wanted(name: str, case: Mapping[str, Any]) -> WantedIndex:
    flat = {key: value for key, value in flatten(case.get("settings", {})).items() if value is not None}
    return WantedIndex(name, case.get("mappings", {}), flat, case.get("aliases", {}))


@pytest.fixture(scope="module", params=[VERSION, *OLDER] if WHOLE else [VERSION])
def admin(request: pytest.FixtureRequest) -> Iterator[Admin]:
    if request.param == VERSION:
        with closing(Admin(request.getfixturevalue("node").url)) as admin:
            yield admin
        return
    with (
        folder_of_nobody() as folder,
        elasticsearch(folder, version=request.param) as older,
        closing(Admin(older.url)) as admin,
    ):
        yield admin


@pytest.mark.parametrize("kind", ["settings", "fields", "mappings", "aliases"])
def test_each_spelling_is_read_back_without_a_difference(kind: str, admin: Admin) -> None:
    everything = [wanted(f"{kind}-{number}", case) for number, case in enumerate(cases(kind))]
    wrong: list[str] = []
    refused = 0
    for start in range(0, len(everything), AT_ONCE):
        some = everything[start : start + AT_ONCE]
        refusals = made(admin, some)
        wrong += [f"{name}: {why}" for name, why in refusals.items() if "the server keeps" in why]
        refused += len(refusals)
        wrong += differing(admin, [one for one in some if one.name not in refusals])
        admin.delete([one.name for one in some])
    assert not wrong, "\n".join(wrong)
    assert refused < len(everything) * 0.8, "else the table proves nothing here"
    print(f"{len(everything)} spellings of {kind}, {refused} of them refused by {admin.server.version}")


def made(admin: Admin, some: Sequence[WantedIndex]) -> Mapping[str, str]:
    """Name -> why an index was not made; a shard limit, a bad value, an unknown type."""
    try:
        converging.apply(admin, [plan(None, one) for one in some], lambda text: None)
    except PartialFailure as error:
        return error.reasons
    return {}


def differing(admin: Admin, some: Sequence[WantedIndex]) -> list[str]:
    """What differs of indices that were just made: at the next preview, at a refresh, when adopted, when imported."""
    live = admin.read([one.name for one in some])
    by_name = {one.name: one for one in some}
    wrong = []
    for before in ({}, by_name):
        changes = converging.plans(admin, live, some, before)
        wrong += [
            f"{c.wanted}: {[d.short for d in c.differences]} {c.add_aliases}" for c in changes if not c.is_nothing
        ]
    seen = converging.seen(admin, live, by_name)
    wrong += [f"a refresh shows {seen[name]} for {one}" for name, one in by_name.items() if seen[name] != one]
    for name, index in live.items():
        fragment = fragment_of(name, index)
        imported = wanted(name, fragment)
        change = plan(index, replace(imported, aliases=fragment.get("aliases", {})))
        wrong += [] if change.is_nothing else [f"import of {name}: {[d.short for d in change.differences]}"]
    return wrong


def test_a_scratch_index_that_a_killed_run_left_is_swept(admin: Admin) -> None:
    """Only one that bus marked as such, and not the one of a run that is at it."""
    client = admin._client
    client.indices.create(index="bus-scratch-00000000000000aa", mappings={"_meta": {"bus": {"scratch": True}}})
    client.indices.create(index="bus-scratch-00000000000000bb", mappings={"_meta": {"own": 1}})
    try:
        admin.sweep()
        assert client.indices.exists(index="bus-scratch-00000000000000aa"), "it is as new as one of another run"
        assert "bus-scratch-00000000000000aa" not in admin.names()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("bus.indices.server.scratch._ABANDONED_SECONDS", 0)
            time.sleep(0.01)
            admin.sweep()
        assert not client.indices.exists(index="bus-scratch-00000000000000aa")
        assert client.indices.exists(index="bus-scratch-00000000000000bb")
    finally:
        client.indices.delete(
            index=[f"bus-scratch-00000000000000{end}" for end in ("aa", "bb")], ignore_unavailable=True
        )


def test_an_up_that_cannot_converge_says_so_at_once(admin: Admin) -> None:
    """A template that appends to what is wanted is put right in the same run; what cannot be is said to be final."""
    one = wanted("stubborn", {"settings": {"refresh_interval": "7s"}})
    converging.apply(admin, [plan(None, one)], lambda text: None)
    try:
        [change] = converging.plans(admin, admin.read(["stubborn"]), [replace(one, settings={"priority": "7"})], {})

        class Deaf:
            """A server that takes everything and changes nothing."""

            read, spelled = admin.read, admin.spelled

            def apply(self, changes: Any, say: Any) -> None:
                self.asked = changes

        with pytest.raises(PartialFailure) as failed:
            converging.apply(Deaf(), [change], lambda text: None)
        [(name, why)] = failed.value.reasons.items()
        assert name == "stubborn" and "settings.priority: default -> '7'" in why
        assert "another run alone changes nothing: write what the server keeps" in why
    finally:
        admin.delete(["stubborn"])
