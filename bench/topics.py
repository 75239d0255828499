"""500 topics: created, found as they are, one config changed on all; ours against one admin call at a time, in one run.

`python3 -m bench.topics [--topics 500] [--topicctl PROGRAM]`; starts a broker of its own. The peer is topicctl 1.21.0,
built by `go build github.com/segmentio/topicctl/cmd/topicctl` in a module that requires it.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from bus.topics.admin import Admin
from bus.topics.applying import apply
from bus.topics.plan import Topic, plan
from tests.support.kafka import cluster


def measure(number: int, bootstrap: str) -> dict[str, tuple[float, float]]:
    """Step -> seconds of ours, seconds one at a time."""
    admin, client = Admin(bootstrap), AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    first = [Topic(f"ours{n}", 2, 1) for n in range(number)]
    second = [Topic(t.name, 2, 1, {"retention.ms": "700000000"}) for t in first]
    theirs = [f"theirs{n}" for n in range(number)]

    def ours(wanted: list[Topic]) -> None:
        live = admin.read([topic.name for topic in wanted])
        applied = apply(admin, [plan(live.get(topic.name), topic, 1) for topic in wanted], 1, 50_000_000, print)
        if applied.failed:
            raise SystemExit(f"failed: {applied.failed}")

    def create_each() -> None:
        for name in theirs:
            client.create_topics([NewTopic(name, num_partitions=2, replication_factor=1)])[name].result()

    def read_each() -> None:
        for name in theirs:
            for answer in client.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values():
                answer.result()

    def change_each() -> None:
        for name in theirs:
            entry = ConfigEntry("retention.ms", "700000000", incremental_operation=AlterConfigOpType.SET)
            asked = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])]
            for answer in client.incremental_alter_configs(asked).values():
                answer.result()

    create = (_seconds(lambda: ours(first)), _seconds(create_each))
    admin.seen(dict.fromkeys(theirs, 2))  # ours has waited for that; reads of theirs would fail
    return {
        "create": create,
        "no-op": (_seconds(lambda: ours(first)), _seconds(read_each)),
        "one config on all": (_seconds(lambda: ours(second)), _seconds(change_each)),
    }


def _seconds(act: Callable[[], None]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def measure_topicctl(program: Path, number: int, bootstrap: str) -> tuple[float, ...]:
    """Seconds of the same three steps, without a pause where it lets one choose."""
    with tempfile.TemporaryDirectory(prefix="bus-topicctl-") as work:
        folder = Path(work)
        meta = "environment: bench, region: bench, description: bench"
        (folder / "cluster").write_text(f"meta: {{name: bench, {meta}}}\nspec: {{bootstrapAddrs: ['{bootstrap}']}}\n")
        common = [
            "--skip-confirm",
            "--no-spinner",
            "--sleep-loop-duration",
            "1ms",
            "--cluster-config",
            str(folder / "cluster"),
        ]

        def apply_all(settings: str) -> None:
            for n in range(number):
                spec = f"partitions: 2, replicationFactor: 1, placement: {{strategy: any}}{settings}"
                text = f"meta: {{name: peer{n}, cluster: bench, {meta}}}\nspec: {{{spec}}}\n"
                (folder / f"{n}.yaml").write_text(text)
            command = [str(program), "apply", *common, str(folder / "*.yaml")]
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode:
                raise SystemExit(f"topicctl failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

        steps = ("", "", ", settings: {retention.ms: 700000000}")
        return tuple(_seconds(lambda text=text: apply_all(text)) for text in steps)  # type: ignore[misc]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topics", type=int, default=500)
    parser.add_argument("--topicctl", type=Path)
    given = parser.parse_args()
    with cluster(1) as kafka:
        figures = measure(given.topics, kafka.bootstrap)
        peer = measure_topicctl(given.topicctl, given.topics, kafka.bootstrap) if given.topicctl else (0.0, 0.0, 0.0)
    print(f"{given.topics} topics of 2 partitions, 1 broker; ours waits until brokers show the result")
    print(f"{'':20}{'ours s':>10}{'one call each s':>18}{'ratio':>8}{'topicctl s':>14}{'ratio':>8}")
    for (step, (mine, each)), theirs in zip(figures.items(), peer, strict=True):
        print(f"{step:20}{mine:10.2f}{each:18.2f}{each / mine:8.0f}{theirs:14.2f}{theirs / mine:8.0f}")


if __name__ == "__main__":
    main()
