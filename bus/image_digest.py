"""Digests: the only form that names content here, and the one place that says so.

https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests allows other algorithms. No registry of
ours uses one, and a digest becomes a path of a folder, so everything else is refused.
"""

import hashlib
import re

PATTERN = r"sha256:[0-9a-f]{64}"
_DIGEST = re.compile(PATTERN)


class BadDigest(ValueError):
    """Text in the place of a digest that is none; the message shows at most its first 100 characters."""


def digest_of(content: bytes) -> str:
    """Return the name of `content` in any registry."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_digest(value: object) -> bool:
    """Tell whether `value` is `sha256:` and 64 lower-case hexadecimal digits."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def checked(value: object, where: str) -> str:
    """Return `value` if it is a digest; raise BadDigest, which names `where`, if it is not."""
    if not isinstance(value, str) or not is_digest(value):
        raise BadDigest(f"{where}: {str(value)[:100]!r} is no digest: sha256: and 64 hexadecimal digits")
    return value
