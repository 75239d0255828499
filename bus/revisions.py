"""Revisions of the keys of cineges-config and cineges-secret: a pod restarts when one that it reads changes."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_LENGTH = 16


@dataclass(frozen=True)
class KeysRead:
    """The keys of cineges-config and of cineges-secret that the pods of a release read."""

    config: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()


def keys_read(bricks: Iterable[Mapping[str, Any]]) -> KeysRead:
    """Return the keys that the values of some bricks name in envFromConfig and envFromSecret."""
    read: dict[str, set[str]] = {"envFromConfig": set(), "envFromSecret": set()}
    for values in bricks:
        for block, keys in read.items():
            named = values.get(block)
            # Another shape is refused by the chart's schema.
            keys |= {key for key in named.values() if isinstance(key, str)} if isinstance(named, Mapping) else set()
    return KeysRead(frozenset(read["envFromConfig"]), frozenset(read["envFromSecret"]))


def of_config(config: Mapping[str, str]) -> dict[str, str]:
    """Return the revision of each key of cineges-config: a digest, since its values stand in clear beside it."""
    return {key: hashlib.sha256(value.encode()).hexdigest()[:_LENGTH] for key, value in sorted(config.items())}


def of_secret(salt: str, holder: str, key: str, value: str) -> str:
    """Return the revision of one key of a secret object; a preview knows it, since it needs no answer of a cluster.

    A plain digest of a short password could be guessed. This one is keyed with `salt`, which only the stack's state
    has, encrypted. `holder` keeps equal passwords of two sites from having equal revisions.
    """
    message = "\0".join((holder, key, value)).encode()
    return hmac.new(salt.encode(), message, hashlib.sha256).hexdigest()[:_LENGTH]
