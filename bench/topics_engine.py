"""A whole `pulumi preview` and `pulumi up` with 500 topics that are as wanted, against the same program without topics.

`python3 -m bench.topics_engine [NUMBER]`, in a shell with `. sandbox/env.sh`; starts a broker of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.servers.kafka import Cluster, cluster

ROOT = Path(__file__).parents[1]
_RUNS = 3
_PROGRAM = """
import os
from components.providers.connection import Place
from components.providers.topics import TopicSet

number = int(os.environ["TOPICS"])
if number:
    one = {{"partitions": 2, "replicationFactor": 1, "configs": {{}}}}
    TopicSet(
        "topics",
        place=Place("central", "bench", "", "direct"),
        admin_port=9094,
        bootstrap_servers={bootstrap!r},
        brokers=1,
        topics={{f"t{{n}}": one for n in range(number)}},
        elsewhere=[],
        confirm_delete=[],
    )
"""


class Program:
    """A stack of its own on a file backend."""

    def __init__(self, folder: Path, kafka: Cluster, topics: int) -> None:
        self._folder, self._topics = folder, topics
        folder.mkdir()
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
        (folder / "__main__.py").write_text(_PROGRAM.format(bootstrap=kafka.bootstrap))
        self.pulumi("stack", "init", "s")

    def pulumi(self, *arguments: str) -> float:
        """A verb of the ordinary CLI; the seconds it took."""
        own = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{self._folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(ROOT),  # of the program, and of the process that serves its providers
            "TOPICS": str(self._topics),
        }
        command = ["pulumi", *arguments, "--non-interactive"]
        started = time.monotonic()
        done = subprocess.run(
            command, cwd=self._folder, env={**os.environ, **own}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
        return time.monotonic() - started

    def up(self) -> float:
        return self.pulumi("up", "--stack", "s", "--yes", "--skip-preview", "--suppress-outputs")

    def preview(self) -> float:
        return self.pulumi("preview", "--stack", "s", "--suppress-outputs")


def main() -> None:
    """Prints a table; each no-op is the best of some runs, taken in turns."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with cluster(1) as kafka, tempfile.TemporaryDirectory(prefix="bus-bench-") as work:
        ours, floor = Program(Path(work) / "ours", kafka, number), Program(Path(work) / "floor", kafka, 0)
        created, first = ours.up(), floor.up()
        turns = [(ours.preview(), floor.preview(), ours.up(), floor.up()) for _ in range(_RUNS)]
    preview, preview_floor, up, up_floor = (min(times) for times in zip(*turns, strict=True))
    print(f"{number} topics of 2 partitions, 1 broker; the floor is the same program without topics")
    print(f"{'':20}{'ours s':>10}{'floor s':>10}{'ratio':>8}")
    for step, mine, least in (
        ("first up", created, first),
        ("no-op preview", preview, preview_floor),
        ("no-op up", up, up_floor),
    ):
        print(f"{step:20}{mine:10.2f}{least:10.2f}{mine / least:8.2f}")


if __name__ == "__main__":
    main()
