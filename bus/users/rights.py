"""What each brick may do on a site's Kafka, as the fragments of all bricks say it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from bus.config.stack_file import CENTRAL
from bus.topics.granting import may_read, may_write
from bus.topics.mirror_patterns import Patterns, matches
from bus.topics.model import Topic

Rights = dict[str, dict[str, str]]
"""topics, groups, transactionalIds -> name, or the beginning of names and a * -> operations, joined by commas"""


def of_bricks(topics: Iterable[Topic], streams: Collection[str]) -> dict[str, Rights]:
    """brick -> its rights on a site that has these topics; a brick that names none has none, and needs no user.

    A brick that uses another's topic may do what both say: its own file, and that of the owner (readers, writers).

    `streams` are the bricks that are Kafka Streams applications: they make topics of their own, which begin with
    their name. Reading and writing imply describing, and writing a topic implies an idempotent producer.
    """
    granted: dict[str, dict[str, str]] = {}
    for topic in topics:
        for brick in {*topic.producers, *topic.consumers}:
            if operations := _operations(brick, topic):
                granted.setdefault(brick, {})[topic.name] = operations
    return {brick: _with_own(brick, found, brick in streams) for brick, found in sorted(granted.items())}


def of_mirrors(topics: Mapping[str, Collection[str]], patterns: Mapping[str, Patterns]) -> dict[str, Rights]:
    """site -> what kafka2kafka may do there; `topics` has those of each site, `patterns` those of each complexe.

    Exactly the declared topics that a pattern takes: Kafka's own patterns are prefixes, and cineges. would be too much.
    """
    down = {name: _matching(one.ctrl2cplx, topics[CENTRAL]) for name, one in patterns.items()}
    up = {name: _matching(one.cplx2ctrl, topics[name]) for name, one in patterns.items()}
    rights = {name: _of_mirror(up[name], down[name], topics[name], [CENTRAL]) for name in patterns}
    reads, writes = ({name for names in way.values() for name in names} for way in (down, up))
    return {CENTRAL: _of_mirror(reads, writes, topics[CENTRAL], patterns), **rights}


def _of_mirror(reads: Iterable[str], writes: Iterable[str], there: Collection[str], peers: Iterable[str]) -> Rights:
    """Copy `reads` from a side and `writes` to it, of which MirrorMaker makes those that are not `there`.

    MirrorMaker keeps its state in topics that begin with mm2-, and works as group <peer>-mm2 on the side it writes to.
    """
    found = dict.fromkeys(reads, "describeConfigs, read")
    found |= {name: "write" if name in there else "create, write" for name in writes}
    return {
        "topics": dict(sorted(found.items())) | {"mm2-*": "create, describeConfigs, read, write"},
        "groups": {f"{peer}-mm2": "read" for peer in sorted(peers)},
    }


def _matching(globs: Iterable[str], names: Iterable[str]) -> list[str]:
    chosen = list(globs)
    return sorted(name for name in names if any(matches(glob, name) for glob in chosen))


def _operations(brick: str, topic: Topic) -> str:
    """An owner reads and writes; others what they say, as far as it lets them."""
    if brick == topic.owner:
        return "read, write"
    reads = brick in topic.consumers and may_read(topic, brick)
    writes = brick in topic.producers and may_write(topic, brick)
    return ", ".join([*["read"] * reads, *["write"] * writes])


def _with_own(brick: str, topics: Mapping[str, str], streams: bool) -> Rights:
    """With the consumer groups and transactional ids that bear the brick's name."""
    own = f"{brick}-*"
    rights: dict[str, Any] = {"topics": dict(sorted(topics.items())) | ({own: "all"} if streams else {})}
    if streams or any("read" in may for may in topics.values()):
        rights["groups"] = {brick: "read", own: "read"}
    if streams or any("write" in may for may in topics.values()):
        rights["transactionalIds"] = {brick: "write", own: "write"}
    return rights
