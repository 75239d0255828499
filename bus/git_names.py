"""Names of branches and tags: what git takes, and what of it a change can be pushed to."""

import re

# https://git-scm.com/docs/git-check-ref-format
_NEVER = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_PART = re.compile(r"^\.|\.lock$")
_RESERVED = frozenset({"@", "HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD"})
_FULL = re.compile(r"^refs/(?:heads|tags)/(?P<name>.+)$|^refs/remotes/[^/]+/(?P<remote>.+)$")


def fault_of(kind: str, name: str) -> str:
    """Return why `name` cannot be the name of a branch or tag, with the remedy; empty where it can.

    `kind` is "branch" or "tag".
    """
    if full := _FULL.match(name):
        short = full["name"] or full["remote"]
        return f"{name!r} is the full name of a ref; give the name of the {kind} alone: {short}"
    if name in _RESERVED:
        return f"{name!r} is git's own name for a commit and no {kind}; give the name of a {kind}"
    if not name or name.startswith(("-", "/")) or name.endswith(("/", ".")):
        return f"{name!r} is no name of a {kind}: {_ALLOWED}"
    if _NEVER.search(name) or any(_PART.search(part) for part in name.split("/")):
        return f"{name!r} is no name of a {kind}: {_ALLOWED}"
    return ""


_ALLOWED = "letters, digits, '.', '_', '-' and '/' between them, without '..', and no '-' at the beginning"
