"""What bus says of topics that MirrorMaker leaves out or renames, against MirrorMaker's own classes."""

import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bus.topics.mirror_filters import copied_unasked, dropped, renamed
from tests.support.processes import part

pytestmark = pytest.mark.servers
PROGRAM = Path(__file__).with_name("MirrorAnswers.java")
PARTS = ["cineges", "films", "replica", "internal", "heartbeats", "heartbeat", "checkpoints", "mm2", "mm", "_", "__"]
PARTS += ["offset-syncs", "connect", "configs", "central", "cinecity", "data", "MM2", "REPLICA", "a", "2", ""]


def answers(jars: Path, topics: Sequence[str]) -> dict[str, tuple[bool, bool, str]]:
    """Topic -> whether it is copied where a pattern takes it, and where none does, and its other name."""
    java = shutil.which("java")
    assert java, "no java on PATH"
    command = [java, "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", str(PROGRAM), "central", "cinecity"]
    text = "\n".join(topics)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    return {topic: (taken == "true", unasked == "true", name) for topic, taken, unasked, name in lines}


def names() -> list[str]:
    """Names of the parts that MirrorMaker looks for, put together by every separator: 3000 of them."""
    chosen = random.Random(1)
    found: set[str] = set()
    while len(found) < 3000:
        parts = chosen.choices(PARTS, k=chosen.randint(1, 4))
        name = parts[0] + "".join(chosen.choice((".", "-", "_", "")) + part for part in parts[1:])
        if name:
            found.add(name)
    return sorted(found)


def differences(jars: Path, version: Sequence[int]) -> list[str]:
    """What MirrorMaker's classes answer otherwise than bus does."""
    found = []
    for topic, (taken, unasked, name) in answers(jars, names()).items():
        # A heartbeat that has gone through the target already is a cycle; bus refuses every heartbeat.
        cycle = bool(renamed(topic, "central")) and "cinecity" in topic.split(".")[:-1]
        copied = not dropped(topic, version) and not cycle
        expected = (copied, copied and copied_unasked(topic), renamed(topic, "central") or topic)
        if (taken, unasked, name) != expected:
            found.append(f"{topic}: {taken, unasked, name}; bus: {expected}")
    return found


def test_every_name_fares_as_bus_says() -> None:
    assert differences(part("kafka/libs"), [int(number) for number in _version().split(".")]) == []


def _version() -> str:
    """The version of the classes that are asked: connect-mirror-4.3.1.jar."""
    (jar,) = [file.stem for file in part("kafka/libs").glob("connect-mirror-[0-9]*.jar")]
    return jar.removeprefix("connect-mirror-")
