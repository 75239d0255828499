"""Which locks may be broken: those of a process of this machine that is gone, and no other."""

import os
import subprocess
from pathlib import Path

import pytest

from bus.cli.unlock import is_pulumi
from bus.locks import Lock, judge, parse

SAID = """error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.
  file:///state/.pulumi/locks/organization/bus/prod/aaa.json?no_tmp_dir=true: created by root@runner-1 (pid 4711) at 2026-11-24T22:48:52Z
  s3://bucket/.pulumi/locks/organization/bus/prod/bbb.json: created by EXAMPLE\\anna b@laptop (pid 12) at 2026-11-24T22:50:00+11:00
"""  # noqa: E501
HERE = ("runner-1", "root")


def lock(**changed: object) -> Lock:
    first = parse(SAID)[0]
    return Lock(**{**first.__dict__, **changed})


def test_locks_are_read_from_pulumi_s_refusal() -> None:
    first, second = parse(SAID)
    assert (first.user, first.host, first.pid, first.since) == ("root", "runner-1", 4711, "2026-11-24T22:48:52Z")
    assert (second.user, second.host, second.pid) == ("EXAMPLE\\anna b", "laptop", 12)


@pytest.mark.parametrize("said", ["", "error: a stack named prod already exists", "error: no stack named 'prod' found"])
def test_anything_else_is_no_lock(said: str) -> None:
    assert parse(said) == []


def test_a_lock_of_a_process_that_is_gone_is_dead() -> None:
    verdict = judge(lock(), HERE, runs=False)
    assert verdict.dead
    assert str(verdict) == (
        "lock of root@runner-1, pid 4711, since 2026-11-24T22:48:52Z: made here, and that process is gone"
    )


@pytest.mark.parametrize(
    ("changed", "runs", "said"),
    [
        ({}, True, "that process is alive"),
        ({"host": "laptop"}, False, "another machine than runner-1"),
        ({"host": "runner-10"}, False, "another machine"),
        ({"user": "anna"}, False, "a human's is never broken"),
    ],
)
def test_every_other_lock_is_left_alone(changed: dict[str, object], runs: bool, said: str) -> None:
    verdict = judge(lock(**changed), HERE, runs)
    assert not verdict.dead
    assert said in str(verdict)


def test_a_process_number_that_another_program_has_is_not_pulumi() -> None:
    assert not is_pulumi(os.getpid())
    assert not is_pulumi(2**22 + 1)


def test_a_killed_pulumi_that_nobody_has_waited_for_is_gone(tmp_path: Path) -> None:
    (tmp_path / "pulumi").symlink_to("/bin/sleep")
    process = subprocess.Popen([str(tmp_path / "pulumi"), "60"])
    assert is_pulumi(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_pulumi(process.pid)
    process.wait()
