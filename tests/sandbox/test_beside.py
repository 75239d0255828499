"""Two commands of `make test` side by side: whose line is whose, what a failure and Ctrl-C do."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import beside
from sandbox.beside import side_by_side

ROOT = Path(__file__).parents[2]
LINES = "for n in range(40): print('line', n, end=' ', flush=True); print('of', NAME, flush=True)"


def python(code: str, name: str = "") -> list[str | Path]:
    return [sys.executable, "-c", f"NAME = {name!r}\n{code}"]


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(beside, "LOGS", tmp_path)
    return tmp_path


def test_each_line_is_whole_and_has_the_name_of_its_command(capsys: pytest.CaptureFixture[str], logs: Path) -> None:
    side_by_side({"servers": python(LINES, "servers"), "real": python(LINES, "real")})
    said = capsys.readouterr().out.splitlines()
    for name in ("servers", "real"):
        shown = [line for line in said if line.startswith(f"{name:7} | ")]
        assert shown == [f"{name:7} | line {number} of {name}" for number in range(40)]
        assert (logs / f"{name}.log").read_text().splitlines() == [line[10:] for line in shown]
        assert re.search(rf"(?m)^\d\d:\d\d:\d\d   {name} passed after \d+ s$", "\n".join(said))


def test_a_failure_is_said_at_once_stops_no_other_and_fails_the_whole(
    capsys: pytest.CaptureFixture[str], logs: Path
) -> None:
    # The second ends only once the first has: a file that the first leaves says so.
    left = logs / "left"
    first = python(f"open({str(left)!r}, 'w'); print('FAILED tests/x.py'); raise SystemExit(3)")
    second = python(f"import os, time\nwhile not os.path.exists({str(left)!r}): time.sleep(0.05)\ntime.sleep(1)")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        side_by_side({"one": first, "two": second})
    assert failed.value.returncode == 3
    said = capsys.readouterr().out
    assert said.index("one failed (3) after") < said.index("two passed after")
    assert said.rstrip().endswith("FAILED tests/x.py"), "the end of what failed comes last"


def test_both_that_fail_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        side_by_side({"one": python("print('first'); exit(1)"), "two": python("print('second'); exit(2)")})
    end = capsys.readouterr().out.split("--- ", 1)[1]
    assert re.search(r"one failed; the end of .*one\.log\nfirst\n", end)
    assert re.search(r"two failed; the end of .*two\.log\nsecond\n", end)


def test_one_that_says_nothing_is_said_to_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_QUIET_SECONDS", 0.3)
    side_by_side({"quiet": python("import time; time.sleep(1.5)")})
    assert "quiet: " in capsys.readouterr().out


# A command that takes its time to clean up, as a test's fixture that ends its servers, and has a child.
CLEANS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("child", child.pid, flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    if NAME.startswith("kind"):
        child.kill()
        child.wait()
        print("cleaned up", flush=True)
    else:
        time.sleep(600)
"""
PARENT = """
import signal, sys
from pathlib import Path
from sandbox import beside
from sandbox.steps import on_terminate
from tests.sandbox.test_beside import CLEANS, python
signal.signal(signal.SIGTERM, on_terminate)
signal.signal(signal.SIGINT, signal.default_int_handler)
beside.LOGS, beside._CLEANING_SECONDS = Path(sys.argv[1]), float(sys.argv[2])
try:
    beside.side_by_side({name: python(CLEANS, name) for name in sys.argv[3:]})
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("names", [("kind", "kind2"), ("kind", "stubborn")])
def test_an_interrupt_ends_all_with_what_they_started(tmp_path: Path, sign: signal.Signals, names: list[str]) -> None:
    """Both kinds of end: by itself, and killed after its time with a child that has a session of its own."""
    command = [sys.executable, "-c", PARENT, str(tmp_path), "3", *names]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    children: list[int] = []
    said = ""
    while len(children) < len(names):
        line = process.stdout.readline()
        assert line, said
        said += line
        if found := re.search(r"child (\d+)", line):
            children.append(int(found[1]))
    process.send_signal(sign)
    said += process.communicate(timeout=120)[0]
    assert said.rstrip().endswith("interrupted")
    assert "kind" in said and "cleaned up" in said
    deadline = time.monotonic() + 60
    while any(is_running(child) for child in children):
        assert time.monotonic() < deadline, children
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """A killed child of a killed parent may be a zombie until somebody reaps it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
