"""The table of changes against a real server: each case of tests/indices/cases is put, and what becomes of it seen."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from elasticsearch import ApiError, Elasticsearch

from bus.indices.admin import Admin
from bus.indices.diff.change_kinds import ChangeKind
from bus.indices.diff.differences import OURS
from bus.indices.diff.drift import seen
from bus.indices.diff.plan import Change, LiveIndex, plan
from tests.support.elasticsearch import Node, shared_node
from tests.support.index_cases import CASES, load

pytestmark = pytest.mark.servers
node = shared_node
JSON = {"content-type": "application/json", "accept": "application/json"}


@pytest.fixture(scope="module")
def admin(node: Node) -> Iterator[Admin]:
    admin = Admin(node.url)
    yield admin
    admin.close()


@pytest.fixture(scope="module")
def made(admin: Admin) -> dict[str, LiveIndex]:
    """Every case's index as the server answers it, all of them made side by side."""
    admin.apply([plan(None, replace(load(case)[0], name=case.stem)) for case in CASES])
    return admin.read([case.stem for case in CASES])


@pytest.fixture(scope="module")
def put(node: Node, made: dict[str, LiveIndex]) -> dict[str, str]:
    """case -> takes, or refuses and the server's reason, for what a live index cannot take: simply put, all at once."""
    client = Elasticsearch(node.url, request_timeout=60, connections_per_node=20)

    def answer(case: Path) -> str:
        before, wanted, kind, _ = load(case)
        gone = dict.fromkeys(before.settings.keys() - wanted.settings.keys())
        changed = {
            key: to for key, to in {**wanted.settings, **gone}.items() if made[case.stem].settings.get(key) != to
        }
        try:
            if changed:
                client.indices.put_settings(index=case.stem, settings=changed)
            if wanted.mappings and kind is not ChangeKind.REOPEN:
                client.perform_request("PUT", f"/{case.stem}/_mapping", headers=JSON, body=dict(wanted.mappings))
        except ApiError as error:
            return f"refuses: {error.body}"
        return "takes"

    dear = [case for case in CASES if load(case)[2] >= ChangeKind.REOPEN]
    with ThreadPoolExecutor(20) as pool:
        return dict(zip([case.stem for case in dear], pool.map(answer, dear), strict=True))


def change_of(case: Path, live: LiveIndex) -> Change:
    """What bus would do: `live` is as the server answered it, and this stack made it."""
    before, wanted, *_ = load(case)
    return plan(live, replace(wanted, name=case.stem), replace(before, name=case.stem))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_class_follows_from_what_the_server_answers(case: Path, made: dict[str, LiveIndex]) -> None:
    change = change_of(case, made[case.stem])
    assert change.kind is load(case)[2], [str(difference) for difference in change.differences]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_was_made_shows_no_drift(case: Path, made: dict[str, LiveIndex]) -> None:
    before = load(case)[0]
    # A fragment never has the note that bus keeps beside its own.
    mappings = {key: dict(value) if key == "_meta" else value for key, value in before.mappings.items()}
    if OURS in mappings.get("_meta", {}):
        del mappings["_meta"][OURS]
    declared = replace(before, name=case.stem, mappings=mappings)
    assert plan(made[case.stem], declared).is_nothing
    assert seen(made[case.stem], declared) == declared


@pytest.mark.parametrize("case", [c for c in CASES if load(c)[2] >= ChangeKind.REOPEN], ids=lambda path: path.stem)
def test_a_live_index_does_with_it_what_the_table_says(case: Path, put: dict[str, str]) -> None:
    _, _, kind, server = load(case)
    assert put[case.stem].startswith("refuses" if kind is ChangeKind.REOPEN else server), put[case.stem]


@pytest.fixture(scope="module")
def changed(admin: Admin, made: dict[str, LiveIndex], put: dict[str, str]) -> dict[str, LiveIndex]:
    """Every case that needs no reindex, changed as bus changes it, and read again."""
    cheap = [case for case in CASES if load(case)[2] < ChangeKind.REINDEX]
    admin.apply([change_of(case, made[case.stem]) for case in cheap])
    return admin.read([case.stem for case in cheap])


@pytest.mark.parametrize("case", [c for c in CASES if load(c)[2] < ChangeKind.REINDEX], ids=lambda path: path.stem)
def test_a_change_in_place_is_there_at_the_second_look(case: Path, changed: dict[str, LiveIndex]) -> None:
    wanted = replace(load(case)[1], name=case.stem)
    change = plan(changed[case.stem], wanted)
    assert change.is_nothing, [str(difference) for difference in change.differences]
    assert seen(changed[case.stem], wanted) == wanted
