"""Work for many sites: side by side within a bound, in a fixed order, with no failure hiding another one."""

import threading
import time

import pytest

from bus.errors import UserError
from bus.fan_out import Progress, Results, fan_out
from tests.support.concurrency import SECONDS, Gauge, Meeting


def test_work_overlaps_as_far_as_the_bound() -> None:
    meeting = Meeting(4)
    found = fan_out(range(9), lambda _: meeting.wait(), at_once=4)
    assert len(found.values) == 9 and not found.failures


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_than_the_bound_runs_at_a_time(at_once: int) -> None:
    gauge = Gauge()

    def work(_: int) -> None:
        with gauge:
            time.sleep(0.01)

    fan_out(range(12), work, at_once=at_once)
    assert gauge.most == at_once


def test_results_have_the_order_of_the_keys_whichever_ends_first() -> None:
    turns = {name: threading.Event() for name in "abc"}
    after = {"a": "b", "b": "c"}

    def work(name: str) -> str:
        if name in after:
            assert turns[after[name]].wait(SECONDS)
        turns[name].set()
        if name == "b":
            raise UserError("b fails")
        return name.upper()

    found = fan_out("abc", work, at_once=3)
    assert list(found.values.items()) == [("a", "A"), ("c", "C")]
    assert [(key, str(error)) for key, error in found.failures.items()] == [("b", "b fails")]


def test_every_failure_is_told_in_the_order_of_the_keys() -> None:
    def fail(number: int) -> None:
        time.sleep(0.01 * (5 - number))
        raise UserError(f"{number} fails")

    found = fan_out(range(5), fail, at_once=5)
    assert [str(error) for error in found.failures.values()] == [f"{number} fails" for number in range(5)]


def test_a_fault_of_the_program_is_raised_and_ends_what_has_not_begun() -> None:
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise KeyError("a bug")
        time.sleep(0.01)

    with pytest.raises(KeyError, match="a bug"):
        fan_out(range(1000), work, at_once=1)
    assert len(begun) < 1000


def test_long_work_says_how_far_it_is_and_what_it_waits_for() -> None:
    heard = threading.Event()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "2 of 3" in line:
            heard.set()

    def work(name: str) -> None:
        assert name != "slow" or heard.wait(SECONDS)

    fan_out(["fast", "slow", "other"], work, at_once=3, progress=Progress("sites reached", say, seconds=0.05))
    assert said[-1].startswith("sites reached: 2 of 3 after ") and said[-1].endswith(" s; waiting for slow")


def test_short_work_says_nothing() -> None:
    said: list[str] = []
    fan_out(range(3), str, at_once=3, progress=Progress("sites reached", said.append, seconds=60))
    assert said == []


def test_nothing_to_do_is_done() -> None:
    found: Results[str, str] = fan_out([], str, at_once=4)
    assert not found.values and not found.failures
