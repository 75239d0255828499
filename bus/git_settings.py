"""Which settings of the user and of the machine git sees when bus changes a branch.

Git reads dozens of settings that change what a command does or prints: line ends, hooks, names of remotes,
colours, languages. A list of the harmful ones is never complete, so that this is a list of those that are
kept: who commits, how it is signed, and how a server is reached (docs/adr/0089).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# https://git-scm.com/docs/git-config: whole sections, and settings of sections that hold others too.
_KEPT_SECTIONS = frozenset(
    {"user", "author", "committer", "gpg", "credential", "http", "ssh", "url", "safe", "protocol"}
)
_PUSH_SIGNING = "push.gpgsign"
_KEPT = frozenset(
    {
        "commit.gpgsign",
        "tag.gpgsign",
        "tag.forcesignannotated",
        _PUSH_SIGNING,
        "core.askpass",
        "core.gitproxy",
        "core.sshcommand",
        "transfer.credentialsinurl",
    }
)
# Files that git reads even where no setting names them, and work that it would begin in the background.
FIXED = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "gc.auto=0",
    "maintenance.auto=false",
)
# https://git-scm.com/docs/git#_environment_variables: the same choice among variables.
_KEPT_VARIABLES = (
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CURL_",
    "GIT_EXEC_PATH",
    "GIT_HTTP_",
    "GIT_PROTOCOL",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
)
_CONFIGURATION = "GIT_CONFIG_"
# Answers are read as English text, and nobody answers a question.
_SET = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ATTR_NOSYSTEM": "1"}
_TRUE = frozenset({"true", "yes", "on", "1", ""})
# The settings of a repository are those of the clone that bus itself has made.
_SCOPES = frozenset({"system", "global", "command"})
# push.gpgSign=if-asked signs where the server takes signatures, and fails nowhere.
_IF_ASKED = "if-asked"
# GIT_CONFIG_GLOBAL came with it (https://github.com/git/git/blob/master/Documentation/RelNotes/2.32.0.txt).
OLDEST = (2, 32)


@dataclass(frozen=True)
class Setting:
    """One line of `git config --list`: the key is section.name or section.subsection.name."""

    scope: str
    key: str
    value: str


def parse(text: str) -> list[Setting]:
    """Return the settings in an answer of `git config --list --null --show-scope`, in their order."""
    fields = text.split("\0")
    settings = []
    for scope, line in zip(fields[::2], fields[1::2], strict=False):
        key, separator, value = line.partition("\n")
        settings.append(Setting(scope, key, value if separator else "true"))
    return settings


def kept(settings: Iterable[Setting]) -> list[Setting]:
    """Return the settings that stay the user's, in their order."""
    return [_judged(setting) for setting in settings if setting.scope in _SCOPES and _stays(setting.key)]


def as_file(settings: Iterable[Setting]) -> str:
    """Return the text of a git configuration file with these settings."""
    lines = []
    for setting in settings:
        section, _, rest = setting.key.partition(".")
        subsection, _, name = rest.rpartition(".")
        head = f'[{section} "{_escaped(subsection)}"]' if subsection else f"[{section}]"
        value = _escaped(setting.value).replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'{head}\n\t{name} = "{value}"\n')
    return "".join(lines)


def environment(given: Mapping[str, str], *, configuration: bool) -> dict[str, str]:
    """Return the environment of a git command: without what leads git to another repository or another output.

    `configuration` tells whether the user's own configuration stays; it does where that is what is asked for.
    """
    prefixes = (*_KEPT_VARIABLES, *([_CONFIGURATION] if configuration else []))
    stays = {name: value for name, value in given.items() if not name.startswith("GIT_") or name.startswith(prefixes)}
    return stays | _SET


def remote_of(branch: str, settings: Sequence[Setting]) -> str:
    """Return the name of the remote that a checkout belongs to; empty where several could be meant, or there is none.

    `clone.defaultRemoteName` gives a clone's only remote another name than origin.
    """
    names = remotes(settings)
    if "origin" in names:
        return "origin"
    followed = [setting.value for setting in settings if setting.key == f"branch.{branch}.remote"]
    if followed and followed[-1] in names:
        return followed[-1]
    return next(iter(names)) if len(names) == 1 else ""


def remotes(settings: Iterable[Setting]) -> dict[str, str]:
    """Return the URL of each remote that a checkout names, as its author wrote it."""
    urls: dict[str, str] = {}
    for setting in settings:
        if setting.key.startswith("remote.") and setting.key.endswith(".url"):
            urls.setdefault(setting.key.removeprefix("remote.").removesuffix(".url"), setting.value)
    return urls


def version_of(text: str) -> tuple[int, int] | None:
    """Return (2, 39) for `git version 2.39.5`; None for a text of another kind."""
    parts = text.removeprefix("git version ").strip().split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])


def _stays(key: str) -> bool:
    return key.partition(".")[0] in _KEPT_SECTIONS or key in _KEPT


def _judged(setting: Setting) -> Setting:
    if setting.key == _PUSH_SIGNING and setting.value.lower() in _TRUE:
        return Setting(setting.scope, setting.key, _IF_ASKED)
    return setting


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
