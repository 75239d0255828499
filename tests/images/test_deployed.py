"""What counts as tested, and what a rollback goes to, site by site, from the records of a state."""

from typing import Any

import pytest

from bus.images.promotion import deployed, records
from bus.images.promotion.deployed import NotDeployed
from bus.images.promotion.records import ATTEMPT, DEPLOYED, Records

OK = [{"kind": "update", "result": "succeeded", "endTime": "then"}]
FAILED = [{"kind": "update", "result": "failed", "endTime": "then"}]


def image(brick: str, tag: int) -> str:
    return f"dkr.isi.nc/isi/{brick}:{tag}@sha256:{str(tag) * 64}"


def pins(**tags: int) -> dict[str, str]:
    return {brick: image(brick, tag) for brick, tag in tags.items()}


def state(*attempts: dict[str, Any], missed: dict[int, tuple[str, ...]] | None = None) -> Records:
    """The records after `attempts` (unit -> pins), the oldest first; `missed` are the units that each did not reach."""
    tried: list[Any] = []
    units: dict[str, list[Any]] = {}
    for number, wanted in enumerate(attempts, 1):
        tried.insert(0, {"serial": number, "pins": wanted, "commit": f"c{number}", "at": f"day {number}"})
        for unit, one in wanted.items():
            runs = units.setdefault(unit, [])
            if unit not in (missed or {}).get(number, ()) and (not runs or runs[0]["pins"] != one):
                runs.insert(0, {"serial": number, "pins": one, "commit": f"c{number}", "at": f"day {number}"})
    resources = [{"type": ATTEMPT, "outputs": {"history": tried}}]
    resources += [{"type": DEPLOYED, "outputs": {"unit": unit, "history": runs}} for unit, runs in units.items()]
    found = records.read(resources)
    assert found
    return found


def everywhere(*sites: str, **tags: int) -> dict[str, dict[str, str]]:
    return {site: pins(**tags) for site in sites}


SITES = ("central", "cinecity", "kone")


def tags(images: Any) -> dict[str, str]:
    return {brick: one.tag for brick, one in images.items()}


def test_a_site_that_was_not_reached_does_not_block_the_others() -> None:
    known = state(everywhere(*SITES, x=1), everywhere(*SITES, x=2), missed={2: ("kone",)})
    ran = deployed.read("recette", FAILED, {}, known)
    images, problems = deployed.tested(ran)
    assert tags(images) == {"x": "2"} and not problems
    assert deployed.left_out(ran) == ["kone is behind and does not count: it runs what was deployed at day 1"]
    assert ran.commits == ("c2",)


def test_where_no_site_was_reached_nothing_was_tested_and_each_is_named() -> None:
    known = state(everywhere(*SITES, x=1), everywhere(*SITES, x=2), missed={2: SITES})
    with pytest.raises(
        NotDeployed, match=r"reached none of its sites: central runs what was deployed at day 1; cinecity"
    ):
        deployed.read("recette", FAILED, {}, known)


def test_a_canary_is_a_choice_and_the_message_says_which_and_how() -> None:
    wanted = {**everywhere("central", "cinecity", x=1, y=1), "kone": pins(x=2, y=1)}
    ran = deployed.read("recette", OK, {}, state(wanted))
    images, (problem,) = deployed.tested(ran)
    assert tags(images) == {"y": "1"}, "the other bricks were tested"
    assert f"{image('x', 1)} on central, cinecity; {image('x', 2)} on kone" in problem
    assert problem.endswith("--from-site central or --from-site kone")
    assert tags(deployed.tested(ran, ["kone"])[0]) == {"x": "2", "y": "1"}
    assert tags(deployed.tested(ran, ["cinecity"])[0]) == {"x": "1", "y": "1"}
    assert deployed.tested(ran, ["nowhere"])[1] == [
        "--from-site nowhere: recette has no such site; sites: central, cinecity, kone"
    ]


def canary() -> deployed.Deployed:
    """Three deployments: x moves on kone alone in the second, y everywhere in the third."""
    steps: list[dict[str, Any]] = [
        everywhere(*SITES, x=1, y=1),
        {**everywhere("central", "cinecity", x=1, y=1), "kone": pins(x=2, y=1)},
        {**everywhere("central", "cinecity", x=1, y=2), "kone": pins(x=2, y=2)},
    ]
    return deployed.read("recette", OK, {}, state(*steps))


def test_a_choice_says_since_when_each_site_runs_its_image() -> None:
    (problem,) = deployed.tested(canary())[1]
    assert problem == (
        "x: recette runs more than one image of it, so which was tested? "
        f"{image('x', 1)} on central, cinecity; {image('x', 2)} on kone; "
        "central since day 1, cinecity since day 1, kone since day 2; choose the site whose images are promoted: "
        "--from-site central or --from-site kone"
    )


@pytest.mark.parametrize(
    ("sites", "lines"),
    [
        (
            ["kone"],
            [
                f"x is taken from kone, which runs {image('x', 2)} since day 2; others run "
                f"{image('x', 1)} on central, cinecity"
            ],
        ),
        (
            ["cinecity", "kone"],
            [f"x is taken from cinecity, which runs {image('x', 1)} since day 1; others run {image('x', 2)} on kone"],
        ),
        ([], []),
    ],
)
def test_what_a_chosen_site_decides_is_said(sites: list[str], lines: list[str]) -> None:
    assert deployed.taken_from(canary(), sites) == lines


def test_a_site_that_is_behind_can_be_chosen_and_is_said() -> None:
    known = state(everywhere(*SITES, x=1), everywhere(*SITES, x=2), missed={2: ("kone",)})
    ran = deployed.read("recette", FAILED, {}, known)
    assert tags(deployed.tested(ran, ["kone"])[0]) == {"x": "1"}
    assert deployed.taken_from(ran, ["kone"]) == [
        f"x is taken from kone, which runs {image('x', 1)} since day 1; others run {image('x', 2)} on central, cinecity"
    ]


def test_the_mirror_of_a_site_is_chosen_with_it() -> None:
    steps = [{**everywhere(*SITES, x=tag), "central/mirror": pins(k=tag)} for tag in (1, 2)]
    ran = deployed.read("recette", FAILED, {}, state(*steps, missed={2: ("kone", "central/mirror")}))
    assert deployed.taken_from(ran, ["central"])[0].startswith(f"x is taken from central, which runs {image('x', 2)}")


def test_pins_of_an_older_program_say_no_time() -> None:
    ran = deployed.read("recette", OK, {"pins": {"central": pins(x=1), "kone": pins(x=2)}})
    assert deployed.taken_from(ran, ["kone"]) == [
        f"x is taken from kone, which runs {image('x', 2)}; others run {image('x', 1)} on central"
    ]
    assert "since" not in deployed.tested(ran)[1][0]


def test_the_same_holds_for_pins_of_an_older_program() -> None:
    old = {"pins": {"central": pins(x=1), "kone": pins(x=2)}}
    ran = deployed.read("recette", OK, old)
    assert "--from-site central or --from-site kone" in deployed.tested(ran)[1][0]
    assert tags(deployed.tested(ran, ["kone"])[0]) == {"x": "2"}
    with pytest.raises(NotDeployed, match="the last deployment of recette failed"):
        deployed.read("recette", FAILED, old)


def test_a_brick_that_runs_only_where_nothing_was_reached_is_left_and_named() -> None:
    first = {"central": pins(x=1), "kone": pins(x=1, web=1)}
    second = {"central": pins(x=2), "kone": pins(x=2, web=2)}
    ran = deployed.read("recette", FAILED, {}, state(first, second, missed={2: ("kone",)}))
    assert tags(deployed.tested(ran)[0]) == {"x": "2"}
    assert "web runs only on kone, which the last deployment did not reach" in deployed.left_out(ran)[1]
    assert tags(deployed.tested(ran, ["central", "kone"])[0]) == {"x": "2", "web": "1"}
    assert tags(deployed.tested(ran, ["kone"])[0]) == {"x": "1", "web": "1"}


def test_the_mirror_that_waits_for_all_does_not_hold_central_back() -> None:
    wanted = [{**everywhere(*SITES, x=tag), "central/mirror": pins(k2k=tag)} for tag in (1, 2)]
    ran = deployed.read("recette", FAILED, {}, state(*wanted, missed={2: ("kone", "central/mirror")}))
    assert tags(deployed.tested(ran)[0]) == {"x": "2"}
    assert tags(deployed.tested(ran, ["central"])[0]) == {"x": "2", "k2k": "1"}


@pytest.mark.parametrize(
    ("attempts", "missed", "back"),
    [
        ([1, 2, 3], {}, "2"),
        ([1, 2, 3], {3: SITES}, "2"),  # the last one reached nothing: what runs
        ([1, 2, 3], {2: ("kone",), 3: ("kone",)}, "2"),  # partly successful ones are not skipped
        ([1, 2, 3], {2: ("kone",)}, None),  # kone ran 1 before, the others 2
        ([1, 2, 3], {3: ("central", "cinecity")}, "2"),
        ([1, 2, 1], {}, "2"),  # a rollback is undone by another one
        ([1, 2, 1], {2: ("kone",)}, "2"),  # kone never left 1, and has nothing to go back from
    ],
)
def test_a_rollback_goes_to_what_each_site_really_ran_before(
    attempts: list[int], missed: dict[int, tuple[str, ...]], back: str | None
) -> None:
    known = state(*(everywhere(*SITES, x=tag) for tag in attempts), missed=missed)
    found = deployed.gone_back("prod", known)
    if back is None:
        assert not found.images
        assert "--from-site central or --from-site kone, or name a tag or commit: --to REF" in found.problems[0]
        assert tags(deployed.gone_back("prod", known, ["kone"]).images) == {"x": "1"}
        assert tags(deployed.gone_back("prod", known, ["cinecity"]).images) == {"x": "2"}
    else:
        assert tags(found.images) == {"x": back} and not found.problems
        assert known.commit_of(found.units["x"]) == f"c{back}"


def test_a_rollback_leaves_what_the_last_deployment_did_not_change() -> None:
    known = state(
        {"central": pins(k=1), "kone": pins(u=1)},
        {"central": pins(k=2), "kone": pins(u=1)},
        {"central": pins(k=2), "kone": pins(u=2)},
    )
    assert tags(deployed.gone_back("prod", known).images) == {"u": "1"}


def test_without_an_earlier_deployment_the_way_out_is_said() -> None:
    with pytest.raises(NotDeployed, match="--to REF"):
        deployed.gone_back("prod", state(everywhere(*SITES, x=1)))


def test_a_history_is_bounded() -> None:
    history: list[Any] = []
    for number in range(100):
        history = records.added(history, {"serial": number})
    assert len(history) == records.KEPT and history[0] == {"serial": 99}
