"""A whole `pulumi preview` and `pulumi up` with 500 topics that are as wanted, against two floors.

The one is the engine with a program that has no resource; the other has a set without a topic, for which the engine
starts the process of the dynamic providers: every program of bus has that process, for its releases and images too.

`python3 -m bench.topics_engine [NUMBER]`, in a shell with `. sandbox/env.sh`; starts a broker of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.kafka import Cluster, cluster

ROOT = Path(__file__).parents[1]
_RUNS = 3
_PROGRAM = """
import os
from components.providers.connection import SiteEndpoint
from components.providers.topics import TopicSet

number = int(os.environ["TOPICS"])
if number >= 0:
    one = {{"partitions": 2, "replicationFactor": 1, "configs": {{}}}}
    TopicSet(
        "topics",
        place=SiteEndpoint("central", "bench", "", "direct"),
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
        programs = [Program(Path(work) / name, kafka, count) for name, count in _counts(number).items()]
        first = [program.up() for program in programs]
        turns = [[(program.preview(), program.up()) for program in programs] for _ in range(_RUNS)]
    preview = [min(turn[n][0] for turn in turns) for n in range(len(programs))]
    up = [min(turn[n][1] for turn in turns) for n in range(len(programs))]
    print(f"{number} topics of 2 partitions, 1 broker; seconds, and the ratio of the topics to each floor")
    print(f"{'':16}{'topics':>10}{'no topic':>10}{'engine':>10}{'to no topic':>14}{'to engine':>12}")
    for step, (mine, empty, engine) in {"first up": first, "no-op preview": preview, "no-op up": up}.items():
        print(f"{step:16}{mine:10.2f}{empty:10.2f}{engine:10.2f}{mine / empty:14.2f}{mine / engine:12.2f}")


def _counts(number: int) -> dict[str, int]:
    return {"topics": number, "empty": 0, "engine": -1}


if __name__ == "__main__":
    main()
