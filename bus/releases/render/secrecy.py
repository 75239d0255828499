"""What is a secret by its name or by its shape: one rule for what is refused in clear and what previews hide."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bus.config.parsing import join
from bus.errors import Problem
from bus.releases.render.values import Layer

# Words of a name: DB_PASS, dbPassword, sasl.jaas.config.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LAST_WORDS = (
    "password passwords passwd pass passphrase pwd pw pgpass pgpassword secret secrets token tokens "
    "credential credentials creds apikey accesskey privatekey secretkey "
)
_LAST = frozenset(_LAST_WORDS.split())
_TWO_WORDS = (
    "api_key access_key private_key secret_key encryption_key signing_key master_key auth_key account_key "
    "shared_key license_key jaas_config ssh_key "
)
_PAIRS = frozenset(_TWO_WORDS.split())
# Only hidden: these hold a password often, and are refused where they show one.
_OFTEN = frozenset(["database_url", "connection_string", "mongo_uri", "redis_url", "amqp_url", "db_url", "jdbc_url"])
SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),
    "a key of AWS": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a URL with a password": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@?#$'\"{}]*:(?!\$[({])[^\s/@?#'\"]+@", re.I),
    "a login of SASL": re.compile(r"LoginModule\b[^;]*\bpassword\s*=\s*\"?(?!\$[{(])[^\s\";]+"),
    "a token": re.compile(
        r"\b(gh[pousr]_\w{30,}|github_pat_\w{30,}|gl(pat|dt|rt|cbt|ptt|ft|soat|agent|imt)-[\w-]{16,}"
        r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}|sk_(live|test)_\w{16,}|rk_live_\w{16,}|AIza[\w-]{35}|ya29\.[\w-]{20,}"
        r"|hv[sbr]\.[\w-]{20,}|npm_\w{30,}|pypi-[\w-]{30,}|dckr_pat_[\w-]{20,}|pul-[0-9a-f]{40}|SG\.[\w-]{16,}\.[\w-]{16,})"
    ),
}
_HARMLESS = re.compile(
    r"^$|^(true|false|yes|no|none)$|^[0-9]{1,6}$|^/[\w./-]*$|^\$\([A-Za-z0-9_]+\)$|^\$\{[^}]+\}$", re.I
)


def named(name: str, *, hiding: bool = False) -> bool:
    """Return whether a name says that its value is a secret; with `hiding` also where that is only often so."""
    words = [word.lower() for word in _WORD.findall(name)]
    ends = [*words[-1:], "_".join(words[-2:])]
    return bool({*ends} & (_LAST | _PAIRS | (_OFTEN if hiding else frozenset())))


def shape(text: str) -> str:
    """Return which kind of secret a text is by its shape; empty where it is none."""
    return next((what for what, pattern in SHAPES.items() if pattern.search(text)), "")


def in_clear(layers: list[Layer], known: frozenset[str], not_secrets: frozenset[str]) -> Iterator[Problem]:
    """Yield secrets that stand in clear in values that people write, by name and by shape; none of them is shown.

    `known` are the names of bricks that are judged, `not_secrets` the names whose value only looks like a secret.
    """
    for layer in layers:
        for brick in layer.bricks.keys() & known:
            yield from _below(layer.file, layer.place(brick), layer.bricks[brick], not_secrets, False)


def in_config(file: str, path: str, config: Mapping[str, str], not_secrets: frozenset[str]) -> Iterator[Problem]:
    """Yield secrets that stand in clear in what becomes a ConfigMap."""
    yield from _below(file, path, config, not_secrets, True)


def _below(file: str, path: str, value: Any, not_secrets: frozenset[str], by_name: bool) -> Iterator[Problem]:
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _below(file, join(path, [number]), one, not_secrets, by_name)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            name = str(key)
            if name not in not_secrets and isinstance(one, str):
                yield from _judged(file, join(path, [name]), name, one, by_name)
            elif not isinstance(one, str):
                yield from _below(file, join(path, [name]), one, not_secrets, name in ("env", "config"))
    elif isinstance(value, str) and (what := shape(value)):
        yield Problem(file, path, None, f"looks like {what}, and stands here in clear", _remedy(path))


def _judged(file: str, path: str, name: str, text: str, by_name: bool) -> Iterator[Problem]:
    if what := shape(text):
        yield Problem(file, path, None, f"looks like {what}, and stands here in clear", _remedy(name))
    elif by_name and named(name) and not _HARMLESS.match(text):
        yield Problem(file, path, None, "is a secret by its name, and stands here in clear", _remedy(name))


def _remedy(name: str) -> str:
    how = "keep it in the stack's secrets (pulumi config set --secret) and read it by envFromSecret"
    return f"{how}; renew it, since git has it; if it is none: bus:notSecrets: [{name}]"
