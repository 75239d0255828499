"""Steps of `make`: what is done is not done again, and the first that fails ends the run with its way out."""

import subprocess

import pytest

from sandbox.steps import Background, Step, run_steps


def broken() -> None:
    raise subprocess.CalledProcessError(7, ["tool", "verb"])


def test_steps_run_in_order_and_those_that_are_done_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    done = Step("two", lambda: ran.append("two"), done=lambda: True)
    run_steps([Step("one", lambda: ran.append("one")), done, Step("three", lambda: ran.append("three"))])
    assert ran == ["one", "three"]
    assert "[2/3] two: nothing to do" in capsys.readouterr().out


def test_a_failed_step_ends_the_run_and_names_command_and_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[str] = []
    with pytest.raises(SystemExit) as ended:
        run_steps([Step("break", broken, remedy="do that"), Step("after", lambda: ran.append("after"))])
    assert ended.value.code == 1
    assert ran == []
    assert "break: tool verb ended with 7\ndo that" in capsys.readouterr().err


def test_what_fails_beside_the_steps_fails_where_it_is_waited_for() -> None:
    beside = Background(broken)
    with pytest.raises(subprocess.CalledProcessError):
        beside.join()
