"""kafka2kafka: what it copies between central and each complexe, from the seed's globs to MirrorMaker's expressions."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from bus.config.stack_file import CENTRAL
from bus.errors import Problem
from bus.topics.mirror_filters import Numbers, copied_unasked, dropped, renamed

_GLOB = re.compile(r"^[A-Za-z0-9._*-]+$")


@dataclass(frozen=True)
class Patterns:
    """Topics of one complexe, as globs: `*` stands for one or more characters, everything else for itself."""

    ctrl2cplx: Sequence[str]
    cplx2ctrl: Sequence[str]


def to_regex(glob: str) -> str:
    """The full-match Java expression of a glob: cineges.*.data is cineges[.].+[.]data.

    As it stands, `cineges.*.data` would also take cineges_lyon_metadata. A dot is written [.] and not \\\\., because
    MirrorMaker's config is a properties file that eats backslashes, and a list that splits at commas.
    """
    return glob.replace(".", "[.]").replace("*", ".+")


def matches(glob: str, topic: str) -> bool:
    """Whether a whole name fits a glob; by no regular expression, which takes years for many stars."""
    first, *rest = glob.split("*")
    if not rest:
        return topic == glob
    if not topic.startswith(first):
        return False
    *middle, last = rest
    end = len(first)
    for part in middle:
        found = topic.find(part, end + 1)
        if found < 0:
            return False
        end = found + len(part)
    return topic.endswith(last) and end + 1 <= len(topic) - len(last)


def both(one: str, other: str) -> str | None:
    """A name that fits both globs, the shortest there is, or None: also for topics that do not exist yet."""

    @cache
    def search(i: int, j: int) -> str | None:
        if i == len(one) and j == len(other):
            return ""
        if i == len(one) or j == len(other):
            return None
        a, b = one[i], other[j]
        if a != "*" and b != "*":
            rest = search(i + 1, j + 1) if a == b else None
            return None if rest is None else a + rest
        letter = b if a == "*" and b != "*" else a if a != "*" else "x"
        # A star takes this letter and goes on, or takes it as its last one.
        ways = [(i + (a != "*" or end_a), j + (b != "*" or end_b)) for end_a in (1, 0) for end_b in (1, 0)]
        found = [search(*way) for way in dict.fromkeys(ways) if way != (i, j)]
        rests = [rest for rest in found if rest is not None]
        return letter + min(rests, key=len) if rests else None

    return search(0, 0)


def check_mirror(
    file: str,
    sites: Mapping[str, Patterns],
    topics: Sequence[str],
    *,
    declared: Mapping[str, Collection[str]] | None = None,
    version: Numbers | None = None,
) -> list[Problem]:
    """Everything wrong with the patterns: no globs, a topic that would loop, a glob that takes no declared topic.

    Also topics that MirrorMaker leaves out or renames, by the numbers of its `version`; None stands
    for any. `declared` are the topics of each site, all of them everywhere without it.
    With the identity policy MirrorMaker cannot see a cycle: 5 messages became 2402 in 21 s.
    """
    problems = []
    for site, patterns in sites.items():
        root = f"bus:sites.{site}.mirror"
        sound = True
        for direction, globs in (("ctrl2cplx", patterns.ctrl2cplx), ("cplx2ctrl", patterns.cplx2ctrl)):
            for number, glob in enumerate(globs):
                path = f"{root}.{direction}[{number}]"
                if not _GLOB.match(glob):
                    sound = False
                    allowed = "is no topic glob; allowed: letters, digits, '.', '_', '-' and '*' for any characters"
                    problems.append(Problem(file, path, glob, allowed, "not a regular expression"))
                    continue
                source = CENTRAL if direction == "ctrl2cplx" else site
                problems += [
                    Problem(file, path, glob, why, _REMEDY)
                    for topic in topics
                    if matches(glob, topic) and (why := _not_copied(topic, source, version))
                ]
                if not any(matches(glob, topic) for topic in topics):
                    remedy = f"remove it, or declare the topic; topics: {', '.join(topics)}"
                    problems.append(Problem(file, path, glob, "takes no topic that a brick declares", remedy))
        if not sound:
            continue
        problems += _copied_unasked(file, site, patterns, declared, topics)
        for glob in patterns.ctrl2cplx:
            for back in patterns.cplx2ctrl:
                example = next((t for t in topics if matches(glob, t) and matches(back, t)), None) or both(glob, back)
                if example:
                    allowed = f"and cplx2ctrl {back!r} both take {example}: its messages would go round for ever"
                    problems.append(Problem(file, f"{root}.ctrl2cplx", glob, allowed, "let each topic go one way"))
    return problems


_REMEDY = "give the topic another name, or take it out of the patterns"


def _not_copied(topic: str, source: str, version: Numbers | None) -> str:
    """Return why a topic that a pattern takes does not arrive under its name; empty where it does."""
    mirror_maker = f"MirrorMaker {'.'.join(map(str, version))}" if version else "MirrorMaker"
    if name := renamed(topic, source):
        return f"takes {topic}, which {mirror_maker} copies as {name}: names that end in 'heartbeats' are its own"
    if reason := dropped(topic, version):
        return f"takes {topic}, which {mirror_maker} never copies: {reason}"
    return ""


def _copied_unasked(
    file: str,
    site: str,
    patterns: Patterns,
    declared: Mapping[str, Collection[str]] | None,
    topics: Sequence[str],
) -> list[Problem]:
    """Return the topics that MirrorMaker copies under another name although no pattern takes them."""
    problems = []
    for direction, source, target in (("ctrl2cplx", CENTRAL, site), ("cplx2ctrl", site, CENTRAL)):
        globs = getattr(patterns, direction)
        held = sorted(topics if declared is None else declared.get(source, ())) if globs else []
        for topic in held:
            if copied_unasked(topic) and not any(matches(glob, topic) for glob in globs):
                allowed = (
                    f"{topic} of {source} would come to {target} as {renamed(topic, source)}, although no pattern "
                    "takes it: MirrorMaker takes it for one of its own"
                )
                problems.append(
                    Problem(file, f"bus:sites.{site}.mirror.{direction}", None, allowed, "give the topic another name")
                )
    return problems
