"""The plans of kafka-gitops' own tests: the same desired topics on the same cluster come to the same changes here.

Read from BUS_TEST_DATA (or ../shared/data); services, users and their ACLs are left out: their model is another one.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.errors import Problem
from bus.plan.deletion_policy import removal
from bus.topics.model import merge_fragments
from bus.topics.plan import Topic, from_props, plan

ROOT = Path(__file__).parents[2]
PLANS = Path(os.environ.get("BUS_TEST_DATA", str(ROOT.parent / "shared/data"))) / "kafka-gitops/plans"
# What TestUtils.seedCluster makes before the plans that begin so.
SEED = {
    "delete-topic": Topic("delete-topic", 1, 2),
    "test-topic": Topic("test-topic", 1, 2),
    "topic-with-configs-1": Topic(
        "topic-with-configs-1", 3, 2, {"cleanup.policy": "compact", "segment.bytes": "100000"}
    ),
    "topic-with-configs-2": Topic("topic-with-configs-2", 6, 2, {"retention.ms": "60000"}),
}
SEEDED = ("seed-", "no-changes", "invalid-topic-remove")
# Run with --no-delete, or with topics that are not to be looked at: here, those that this stack did not create.
OF_OTHERS = {
    "seed-topic-modification-no-delete": SEED.keys(),
    "seed-acl-exists": SEED.keys(),
    "seed-blacklist-topics": {"test-topic"},
}
REFUSED = {
    "invalid-format": ("topics[0].partitions", "must be a whole number"),
    "unrecognized-property": ("topics[0].test", "unknown key"),
}
# Theirs asks for both numbers; ours has a default of one, and the site's replication factor.
DEFAULTED = ("invalid-topic", "invalid-default-replication-1", "invalid-default-replication-2")
STATES = sorted(path.stem for path in PLANS.glob("*.yaml"))


def topics(name: str) -> tuple[dict[str, Topic], list[Problem]]:
    """The topics of a desired state, taken through our fragments."""
    state = yaml.safe_load((PLANS / f"{name}.yaml").read_text())
    settings = state.get("settings") or {}
    if file := settings.get("files", {}).get("topics"):
        state["topics"] = yaml.safe_load((PLANS / file).read_text())["topics"]
    entries = [_entry(key, dict(given)) for key, given in (state.get("topics") or {}).items()]
    merged, problems = merge_fragments({"values/a.yml": ("a", entries)})
    default = settings.get("topics", {}).get("defaults", {}).get("replication", 2)
    return from_props({topic.name: topic.wanted(default) for topic in merged}), problems


def _entry(name: str, given: dict[str, Any]) -> dict[str, Any]:
    factor = {"replicationFactor": given.pop("replication")} if "replication" in given else {}
    return {"name": name, **given, **factor}


def ours(name: str) -> dict[str, dict[str, Any]]:
    """What we would do, in their words."""
    wanted, problems = topics(name)
    assert not problems
    live = SEED if name.startswith(SEEDED) else {}
    found = {}
    for topic in wanted.values():
        change = plan(live.get(topic.name), topic, brokers=4)
        assert not change.refused
        if change.create:
            found[topic.name] = _change("ADD", topic.partitions, topic.replication_factor, topic.configs)
        elif not change.is_nothing:
            factor = topic.replication_factor if change.replicate else None
            found[topic.name] = _change("UPDATE", change.grow_to, factor, change.configs)
    created = SEED.keys() - OF_OTHERS.get(name, set())
    for gone in live.keys() - wanted.keys():
        if removal(gone, created, [], 0, unit="messages", block="topics").delete:
            found[gone] = _change("REMOVE", None, None, {})
    return found


def theirs(name: str) -> dict[str, dict[str, Any]]:
    """What their plan says."""
    found = {}
    for one in json.loads((PLANS / f"{name}-plan.json").read_text())["topicPlans"]:
        details = one["topicDetailsPlan"] or {}
        configs = {
            config["key"]: config["value"] for config in one["topicConfigPlans"] if config["action"] != "NO_CHANGE"
        }
        kept = details.get("replicationAction") == "NO_CHANGE"
        same = details.get("partitionsAction") == "NO_CHANGE"
        partitions, factor = details.get("partitions"), details.get("replication")
        found[one["name"]] = _change(one["action"], None if same else partitions, None if kept else factor, configs)
    return {key: change for key, change in found.items() if change["action"] != "NO_CHANGE"}


def _change(action: str, partitions: int | None, factor: int | None, configs: Any) -> dict[str, Any]:
    return {"action": action, "partitions": partitions, "replication": factor, "configs": dict(configs)}


@pytest.mark.parametrize("name", [name for name in STATES if (PLANS / f"{name}-plan.json").is_file()])
def test_the_same_changes(name: str) -> None:
    assert ours(name) == theirs(name)


@pytest.mark.parametrize("name", [name for name in STATES if name.startswith(("invalid", "unrecognized"))])
def test_what_is_wrong_with_topics_is_refused_here_too(name: str) -> None:
    wanted, problems = topics(name)
    if name == "invalid-topic-remove-partitions":
        refused = [plan(SEED.get(topic.name), topic, brokers=4).refused for topic in wanted.values()]
        assert "partitions 6 -> 2, a topic can only grow" in str(refused)
        return
    said = "\n".join(str(problem) for problem in problems)
    assert len(problems) == int(name in REFUSED)
    assert all(part in said for part in REFUSED.get(name, ()))
    assert name not in DEFAULTED or len(wanted) == 1


@pytest.mark.parametrize("name", STATES)
def test_a_desired_state_is_read_by_one_of_these(name: str) -> None:
    is_part = name in ("multi-file-services", "multi-file-topics", "multi-file-users")
    is_planned = (PLANS / f"{name}-plan.json").is_file()
    assert is_part + is_planned + name.startswith(("invalid", "unrecognized")) == 1
