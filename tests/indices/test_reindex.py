"""The next step of a copy, from everything that can be seen; what a preview says of it; names of generations."""

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from bus.indices.diff import generations
from bus.indices.diff.plan import LiveIndex, Mode, Pending, Reindexing, WantedIndex, plan
from bus.indices.reindex.checkpoint import Phase, ReindexCheckpoint, fingerprint, note, pending
from bus.indices.reindex.estimate import Facts, refusals, text
from bus.indices.reindex.steps import FEW, PASSES, Observation, Step, Task, next_step

NOTE = ReindexCheckpoint("films-000001", "x")
WANTED = WantedIndex("films", {"properties": {"a": {"type": "text"}}}, {}, {}, Reindexing(mode="block"))
LIVE = LiveIndex("films-000001", {"properties": {"a": {"type": "keyword"}}}, {}, {"films": {}}, ("films-000001",))
FACTS = Facts(documents=60000, size_bytes=10**9, free_bytes=10**10, status="yellow")


def seen(phase: Phase, mode: Mode = "block", **more: Any) -> Observation:
    filled = {"0": 9} if phase in ("copied", "settled") else {}
    return replace(Observation(mode, "x", "films-000001", replace(NOTE, phase=phase, filled=filled)), **more)


@pytest.mark.parametrize(
    ("what", "step"),
    [
        (Observation("block", "x", "films-000001", None), Step.CREATE),
        (seen("created"), Step.BLOCK),
        (seen("created", source_blocked=True), Step.COPY),
        (seen("created", "catch-up"), Step.COPY),
        (seen("copying", task="running"), Step.FOLLOW),
        (seen("copying", task="done"), Step.FOLLOW),
        (seen("copying", task="failed"), Step.FOLLOW),
        (seen("copying", task="lost"), Step.START_OVER),
        (seen("copied"), Step.SETTLE),
        (Observation("catch-up", "x", "films-000001", replace(NOTE, phase="settled")), Step.START_OVER),
        (seen("settled", source_blocked=True), Step.FINISH),
        (seen("settled", source_blocked=True, verified=True), Step.SWAP),
        (seen("settled"), Step.BLOCK),
        (seen("settled", "catch-up"), Step.CATCH_UP),
        (seen("settled", "catch-up", passes=1, behind=FEW + 1), Step.CATCH_UP),
        (seen("settled", "catch-up", passes=1, behind=FEW), Step.BLOCK),
        (seen("settled", "catch-up", passes=PASSES, behind=FEW + 1), Step.BLOCK),
        (seen("settled", alias_on_target=True), Step.TIDY),
        (seen("live", alias_on_target=True), Step.DONE),
        (replace(seen("copied"), fingerprint="other"), Step.START_OVER),
        (replace(seen("settled"), source="films-000003"), Step.START_OVER),
        (seen("live"), Step.START_OVER),
    ],
)
def test_next_step(what: Observation, step: Step) -> None:
    assert next_step(what) is step


def test_the_alias_swings_only_after_a_verification_under_a_block() -> None:
    """Over everything that can be seen, whatever a kill left."""
    tasks, modes, phases = get_args(Task), ("block", "catch-up"), get_args(Phase)
    for phase, mode, task, blocked, on_target, verified in product(phases, modes, tasks, *[(False, True)] * 3):
        what = seen(
            phase, mode, task=task, source_blocked=blocked, alias_on_target=on_target, verified=verified, behind=0
        )
        if next_step(what) is Step.SWAP:
            assert blocked and verified and phase == "settled" and not on_target


@pytest.mark.parametrize("mode", ["block", "catch-up"])
def test_every_step_leads_to_the_end(mode: Mode) -> None:
    """Each step changes what is seen as it does on a server; from nothing the end is reached by every step."""
    now, done = Observation(mode, "x", "films-000001", None), []
    while (step := next_step(now)) is not Step.DONE:
        done.append(step)
        found = now.note or NOTE
        match step:
            case Step.CREATE:
                now = replace(now, note=NOTE)
            case Step.BLOCK:
                now = replace(now, source_blocked=True)
            case Step.COPY:
                now = replace(now, note=replace(found, phase="copying"), task="running")
            case Step.FOLLOW:
                now = replace(now, note=replace(found, phase="copied", filled={"0": 9}))
            case Step.SETTLE:
                now = replace(now, note=replace(found, phase="settled"))
            case Step.CATCH_UP:
                now = replace(now, passes=now.passes + 1, behind=FEW)
            case Step.FINISH:
                now = replace(now, verified=True)
            case Step.SWAP:
                now = replace(now, alias_on_target=True)
            case Step.TIDY:
                now = replace(now, note=replace(found, phase="live"))
        assert len(done) < 20
    assert {*done} == {*Step} - {Step.START_OVER, Step.DONE} - ({Step.CATCH_UP} if mode == "block" else set())


def test_a_note_survives_its_mapping() -> None:
    written = replace(NOTE, phase="copying", task="n:1", checkpoints={"0": 7})
    mappings = {"_meta": written.meta({"owner": "us"})}
    assert note(mappings) == written
    assert mappings["_meta"]["owner"] == "us"
    assert pending({"films-000002": mappings, "films-000001": {}}) == Pending("films-000002", "films-000001", "x")


@pytest.mark.parametrize("found", ["ours", {"line": 7}, {"source": "films"}, None, {}])
def test_what_somebody_else_keeps_under_our_key_is_no_note(found: object) -> None:
    assert note({"_meta": {"bus": found}}) is None


def test_what_a_later_bus_notes_besides_is_left() -> None:
    assert note({"_meta": {"bus": {**NOTE.meta({})["bus"], "colour": "red"}}}) == NOTE


def test_another_mapping_is_another_fingerprint() -> None:
    assert fingerprint(WANTED) != fingerprint(replace(WANTED, mappings={}))
    assert fingerprint(WANTED) == fingerprint(replace(WANTED, reindex=Reindexing(mode="catch-up", keep=4)))


def test_an_unfinished_generation_is_gone_on_with_or_given_up() -> None:
    left = Pending("films-000002", "films-000001", "x")
    live = replace(LIVE, generations=("films-000001", "films-000002"), pending=left)
    assert plan(live, WANTED).target == "films-000002"
    put_back = replace(WANTED, mappings=LIVE.mappings)
    assert plan(live, put_back).left == left and not plan(live, put_back).target


def test_a_run_that_died_right_after_the_swing_is_finished() -> None:
    left = Pending("films-000002", "films-000001", "x")
    live = LiveIndex("films-000002", WANTED.mappings, {}, {"films": {}}, ("films-000001", "films-000002"), left)
    change = plan(live, WANTED)
    assert change.left == left and not change.is_nothing and not change.target


def test_a_newer_generation_is_refused() -> None:
    live = replace(LIVE, generations=("films-000001", "films-000002"))
    assert "films-000002 is newer than films-000001" in plan(live, WANTED).refused["reindex"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (FACTS, ""),
        (replace(FACTS, status="red"), "the cluster is red"),
        (replace(FACTS, blocks=("index.blocks.read",)), "put index.blocks.read back to null first"),
        (replace(FACTS, free_bytes=10**9), "it needs 1 GB, 1 GB are free up to the low watermark: add disk"),
        (replace(FACTS, free_bytes=-5), "it needs 1 GB, -5 B are free"),
    ],
)
def test_what_a_preview_refuses(facts: Facts, said: str) -> None:
    found = refusals(plan(LIVE, WANTED), facts)
    assert said in found.get("reindex", "") and bool(found) == bool(said)


def test_what_a_preview_says() -> None:
    line = text(plan(LIVE, WANTED), FACTS)
    assert line.startswith("films: reindex (block) films-000001 -> films-000002: 60000 documents, 1 GB, 10 GB free")
    assert "about 12 s; because of mappings.properties.a.type: 'keyword' -> 'text'" in line
    assert "about 60 s" in text(plan(LIVE, WANTED), replace(FACTS, documents_per_second=1000))


@pytest.mark.parametrize(
    ("live", "existing", "following", "newer", "older"),
    [
        ("a-000001", ["a-000001"], "a-000002", [], []),
        ("a-000002", ["a-000001", "a-000002", "a-000003"], "a-000004", ["a-000003"], ["a-000001"]),
        ("a", ["a"], "a-000002", [], []),
        ("a", ["a", "a-000001", "a-000002"], "a-000003", ["a-000002"], []),
        ("a-000009", ["a-000009", "a-b-000050"], "a-000010", [], []),
    ],
)
def test_generations(live: str, existing: list[str], following: str, newer: list[str], older: list[str]) -> None:
    assert generations.next_generation("a", existing) == following
    assert generations.newer("a", live, existing) == newer
    assert generations.older("a", live, existing) == older
