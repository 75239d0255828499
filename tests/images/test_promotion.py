"""Which images a promotion moves, which it leaves and why, and what makes it impossible."""

from typing import Any

import pytest

from bus.image_reference import Reference
from bus.images.promotion import deployed, plan
from bus.images.promotion.deployed import Deployed, NotDeployed
from bus.images.promotion.pins import Pin

A, B, C = ("sha256:" + letter * 64 for letter in "abc")


def image(tag: str, digest: str, name: str = "isi/x", repository: str = "dkr.isi.nc") -> Reference:
    return Reference(repository, name, tag, digest)


OLD, NEW, OTHER = image("1", A), image("2", B), image("3", C)

CASES = [
    # what, tested, target before, replaced, target after
    ("moves", {"x": NEW}, Pin(OLD), (), Pin(NEW)),
    ("same", {"x": OLD}, Pin(OLD), (), Pin(OLD)),
    ("not in FROM", {}, Pin(OLD), (), Pin(OLD)),
    ("not in FROM", {}, Pin(OLD, "why"), (), Pin(OLD, "why")),
    ("hotfix kept", {"x": NEW}, Pin(OTHER, "why"), (), Pin(OTHER, "why")),
    ("hotfix replaced", {"x": NEW}, Pin(OTHER, "why"), ("x",), Pin(NEW)),
    ("hotfix arrived", {"x": OTHER}, Pin(OTHER, "why"), (), Pin(OTHER)),
    ("moves", {"x": image("1", B)}, Pin(OLD), (), Pin(image("1", B))),  # the same tag, another build
    ("moves", {"x": OLD}, Pin(image("1", "")), (), Pin(OLD)),  # the same tag, pinned now
    ("moves", {"x": NEW}, Pin(image("1", A, "x", "dkr.isi.nc/isi")), (), Pin(image("2", B, "x", "dkr.isi.nc/isi"))),
    ("moves", {"x": image("2", B, "isi/y")}, Pin(OLD), (), Pin(image("2", B, "isi/y"))),
]


@pytest.mark.parametrize(("what", "tested", "before", "replaced", "after"), CASES)
def test_each_brick_of_the_target(
    what: str, tested: dict[str, Reference], before: Pin, replaced: tuple[str, ...], after: Pin
) -> None:
    (row,), problems = plan.promote(tested, {"x": before}, replaced)
    assert (row.what, row.before, row.after, problems) == (what, before, after, [])
    assert row.changes == (before != after)


def test_what_stands_in_the_way_is_said_all_at_once() -> None:
    _, problems = plan.promote({"x": NEW, "y": NEW, "z": NEW}, {"x": Pin(OLD)}, ["x", "w"])
    assert problems == [
        "w: is to lose its hotfix mark and has none",
        "x: is to lose its hotfix mark and has none",
        "y: is no brick of the target; merge values/y.yml there first",
        "z: is no brick of the target; merge values/z.yml there first",
    ]


def test_going_back_restores_images_and_marks_and_leaves_younger_bricks() -> None:
    then = {"x": Pin(OLD, "why"), "gone": Pin(OLD)}
    rows = plan.go_back(then, {"x": Pin(NEW), "y": Pin(NEW)})
    assert [(row.brick, row.what, row.after) for row in rows] == [
        ("x", "goes back", Pin(OLD, "why")),
        ("y", "same", Pin(NEW)),
    ]


def test_a_move_that_the_stack_file_would_undo_is_named_with_its_place() -> None:
    rows, _ = plan.promote({"x": NEW, "y": NEW}, {"x": Pin(OLD), "y": Pin(NEW)})
    config = {
        "bus:values": {"x": {"image": {"tag": "1"}}, "y": {"image": {"tag": "1"}}},
        "bus:sites": {"central": {}, "cinecity": {"values": {"x": {"image": {"tag": "0"}, "replicaCount": 2}}}},
    }
    said = plan.overridden(rows, config, "Pulumi.prod.yaml")
    assert [line.split(" has ")[0] for line in said] == [
        "x: Pulumi.prod.yaml: bus:values.x.image",
        "x: Pulumi.prod.yaml: bus:sites.cinecity.values.x.image",
    ]


def test_the_commit_says_what_moved_and_what_was_kept() -> None:
    rows, _ = plan.promote({"x": NEW, "y": NEW, "z": OLD}, {"x": Pin(OLD), "y": Pin(OTHER, "#7"), "z": Pin(OLD)})
    assert plan.message(rows, "promote recette to prod", ["recette was deployed from abc"]) == (
        "promote recette to prod: 1 of 3 images\n\n"
        "x: 1 (aaaaaaaaaaaa) -> 2 (bbbbbbbbbbbb)\n"
        "y: keeps 3 (cccccccccccc), #7\n\n"
        "recette was deployed from abc"
    )
    assert plan.table(rows)[1] == ("y", "3 (cccccccccccc)", "", "hotfix kept: #7")


def update(result: str = "succeeded", kind: str = "update", commit: str = "c1") -> dict[str, Any]:
    return {"kind": kind, "result": result, "endTime": "then", "environment": {"git.head": commit}}


OUTPUTS = {"pins": {"central": {"x": NEW.pinned}}}


@pytest.mark.parametrize(
    ("history", "outputs", "said"),
    [
        ([], OUTPUTS, "recette was never deployed: pulumi up --stack recette"),
        ([update(kind="refresh")], OUTPUTS, "was never deployed"),
        ([update("failed"), update()], OUTPUTS, r"the last deployment of recette failed \(then\)"),
        ([update("in-progress"), update()], OUTPUTS, "the last deployment of recette in-progress"),
        ([update(kind="refresh"), update("failed")], OUTPUTS, "the last deployment of recette failed"),
        ([update(kind="destroy"), update()], OUTPUTS, "recette was destroyed at then"),
        ([update()], {}, "has no output pins"),
    ],
)
def test_an_environment_that_does_not_stand_promotes_nothing(
    history: list[dict[str, Any]], outputs: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotDeployed, match=said):
        deployed.read("recette", history, outputs)


def test_a_refresh_after_a_good_deployment_changes_nothing() -> None:
    found = deployed.read("recette", [update("failed", "refresh"), update(commit="c2"), update()], OUTPUTS)
    assert found == Deployed("recette", OUTPUTS["pins"], ("c2", "c1"))


@pytest.mark.parametrize(
    ("history", "commit"),
    [
        ([update(commit="c2"), update(commit="c1")], "c1"),
        ([update(commit="c2"), update(commit="c2"), update(commit="c1")], "c1"),
        ([update("failed", commit="c3"), update(commit="c2"), update(commit="c1")], "c2"),
        ([update(commit="c2"), update("failed", commit="c1b"), update(commit="c1")], "c1"),
    ],
)
def test_the_commit_to_go_back_to_is_of_the_last_good_deployment_before(
    history: list[dict[str, Any]], commit: str
) -> None:
    assert deployed.before_the_last("prod", history) == commit


def test_without_an_earlier_deployment_the_way_out_is_said() -> None:
    with pytest.raises(NotDeployed, match="--to REF"):
        deployed.before_the_last("prod", [update()])


def test_only_what_ran_everywhere_by_digest_was_tested() -> None:
    pins = {
        "central": {"x": NEW.pinned, "y": OLD.pinned, "z": "dkr.isi.nc/isi/z:1", "old": "isi/old"},
        "cinecity": {"x": NEW.pinned, "y": NEW.pinned},
    }
    images, problems = deployed.tested(Deployed("master", pins))
    no_reference = "'isi/old' is no image reference: host/path:tag, host/path@sha256:... or both"
    assert images["x"] == NEW
    assert [problem.split(";")[0] for problem in problems] == [
        f"old: master runs what cannot be promoted: {no_reference}",
        f"y: master runs more than one image of it, so which was tested? {OLD.pinned} on central",
        "z: master runs dkr.isi.nc/isi/z:1 by a tag alone, whose digest nobody knows",
    ]
    assert "bus set-image z 1 --target-branch master" in problems[2]
