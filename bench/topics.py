"""500 topics: created, found as they are, one config changed on all; ours against one admin call at a time, in one run.

`python3 -m bench.topics [NUMBER]`; starts a broker of its own.
"""

import sys
import time
from collections.abc import Callable

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from bus.topics.admin import Admin
from bus.topics.applying import apply
from bus.topics.plan import Topic, plan
from tests.servers.kafka import cluster


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


def main() -> None:
    """Prints a table."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with cluster(1) as kafka:
        figures = measure(number, kafka.bootstrap)
    print(f"{number} topics of 2 partitions, 1 broker; ours waits until brokers show the result")
    print(f"{'':20}{'ours s':>10}{'one call each s':>18}{'ratio':>8}")
    for step, (mine, each) in figures.items():
        print(f"{step:20}{mine:10.2f}{each:18.2f}{each / mine:8.0f}")


if __name__ == "__main__":
    main()
