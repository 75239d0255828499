"""What indices rely on, beside them in one resource (docs/adr/0022): made before them, deleted after them."""

from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import CheckFailure

from bus.indices.declared.supporting import KINDS, NOUNS, Bodies
from bus.indices.props import whole
from bus.indices.supporting import diff
from components.providers import connection

CREATED, KEPT = "createdProvisions", "keptProvisions"
"""outputs: those that this stack made; kind/name -> why it is not deleted though its fragment is gone"""


def of(props: Mapping[str, Any]) -> Bodies:
    """Those that a resource's properties declare."""
    return {kind: whole(props[kind]) for kind in KINDS if props.get(kind)}


def judge(admin: Any, news: Mapping[str, Any]) -> list[CheckFailure]:
    """What cannot be; says of each that is there and other what changes."""
    wanted, held = of(news), admin.provisions.read()
    for line in diff.lines(held, wanted):
        connection.say(f"{news['site']}: {line}")
    refused = diff.refusals(held, wanted, news["indices"])
    return [connection.failure(reason) for reason in refused.values()]


def make(admin: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Brings them to what is wanted, before any index; outputs, and what failed."""
    wanted, held = of(news), admin.provisions.read()
    refused = diff.refusals(held, wanted, news["indices"])
    able = {
        kind: {name: body for name, body in names.items() if f'{kind}["{name}"]' not in refused}
        for kind, names in wanted.items()
    }
    failed = admin.provisions.make(held, able)
    new = {f"{k}/{n}" for k, n, _ in diff.each(able) if n not in held.bodies.get(k, {})} - failed.keys()
    return {CREATED: sorted({*(olds.get(CREATED) or []), *new})}, {**refused, **failed}


def remove(admin: Any, outs: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Deletes, after every index, those whose fragment is gone: made by this stack, and used by nobody."""
    gone, held = _gone(olds, news), admin.provisions.read().bodies
    gone = {one for one in gone if one[1] in held.get(one[0], {})}
    mine = {one for one in gone if "/".join(one) in outs[CREATED]}
    kept = {"/".join(one): "was not created by this stack; delete it by hand" for one in gone - mine}
    kept |= admin.provisions.delete(mine)
    declared = {f"{kind}/{name}" for kind, name, _ in diff.each(of(news))}
    created = sorted(set(outs[CREATED]) & (declared | kept.keys()))
    return {CREATED: created, KEPT: kept}


def seen(admin: Any, props: Mapping[str, Any]) -> dict[str, Any]:
    """The live ones as inputs, for a refresh, and the outputs of what is still there."""
    bodies = admin.provisions.read().bodies
    live = {f"{kind}/{name}" for kind, names in bodies.items() for name in names}
    return {
        **diff.seen(bodies, of(props)),
        CREATED: [one for one in props.get(CREATED) or [] if one in live],
        KEPT: {one: reason for one, reason in (props.get(KEPT) or {}).items() if one in live},
    }


def warn_of_gone(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Says on each preview what becomes of those whose fragment is gone."""
    for kind, name in sorted(_gone(olds, news)):
        mine = f"{kind}/{name}" in (olds.get(CREATED) or [])
        becomes = "is deleted once nothing uses it" if mine else "is kept: this stack did not create it"
        connection.warn(f"{NOUNS[kind]} {name} of {news['site']} {becomes}")


def are_there(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether there is anything to do."""
    return bool(of(news) or _gone(olds, news))


def _gone(olds: Mapping[str, Any], news: Mapping[str, Any]) -> set[tuple[str, str]]:
    before = {(kind, name) for kind, name, _ in diff.each(of(olds))}
    for one in olds.get(KEPT) or {}:
        kind, name = one.split("/", 1)
        before.add((kind, name))
    return before - {(kind, name) for kind, name, _ in diff.each(of(news))}
