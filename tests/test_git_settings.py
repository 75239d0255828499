"""Which settings stay the user's when bus runs git: a table, and the file that git reads again."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.git_settings import Setting, as_file, environment, kept, parse, remote_of, remotes, version_of

STAYS = [
    "user.name", "user.email", "user.signingkey", "user.useconfigonly", "author.email",
    "committer.name", "gpg.program", "gpg.format", "gpg.ssh.allowedsignersfile", "commit.gpgsign",
    "tag.gpgsign", "tag.forcesignannotated", "credential.helper",
    "credential.https://git.isi.nc.username", "http.proxy", "http.https://git.isi.nc/.extraheader",
    "http.sslcainfo", "url.git@git.isi.nc:.insteadof", "url.ssh://git@h/.pushinsteadof",
    "safe.directory", "protocol.file.allow", "core.sshcommand", "core.askpass", "core.gitproxy",
    "ssh.variant", "transfer.credentialsinurl",
]  # fmt: skip
GOES = [
    "clone.defaultremotename", "core.autocrlf", "core.eol", "core.safecrlf", "core.hookspath",
    "core.fsmonitor", "core.quotepath", "core.pager", "core.excludesfile", "core.attributesfile",
    "core.worktree", "color.ui", "diff.external", "log.showsignature", "status.short",
    "i18n.commitencoding", "i18n.logoutputencoding", "submodule.recurse", "fetch.prune",
    "push.default", "push.followtags", "push.recursesubmodules", "pull.rebase", "merge.ff",
    "remote.pushdefault", "remote.origin.fetch", "remote.origin.pushurl", "branch.main.remote",
    "init.defaultbranch", "init.templatedir", "commit.cleanup", "commit.template", "column.ui",
    "tag.sort", "alias.push", "filter.lfs.smudge", "filter.lfs.required", "core.sparsecheckout",
    "receive.denycurrentbranch", "include.path", "users.name",
]  # fmt: skip


@pytest.mark.parametrize("key", STAYS)
def test_who_signs_and_how_a_server_is_reached_stays(key: str) -> None:
    assert kept([Setting("global", key, "x")]) == [Setting("global", key, "x")]


@pytest.mark.parametrize("key", GOES)
def test_everything_else_goes(key: str) -> None:
    assert kept([Setting("global", key, "x")]) == []


@pytest.mark.parametrize("scope", ["local", "worktree"])
def test_the_settings_of_a_repository_are_read_from_itself(scope: str) -> None:
    assert kept([Setting(scope, "user.name", "x"), Setting("system", "user.name", "y")]) == [
        Setting("system", "user.name", "y")
    ]


@pytest.mark.parametrize(
    ("value", "result"),
    [("true", "if-asked"), ("YES", "if-asked"), ("", "if-asked"), ("if-asked", "if-asked"), ("false", "false")],
)
def test_a_push_is_signed_where_the_server_takes_it(value: str, result: str) -> None:
    assert kept([Setting("global", "push.gpgsign", value)]) == [Setting("global", "push.gpgsign", result)]


def test_an_answer_of_git_is_read_with_its_lines_and_its_bare_keys() -> None:
    answer = "system\0user.name\nA\nB\0global\0commit.gpgsign\0command\0credential.helper\n\0"
    assert parse(answer) == [
        Setting("system", "user.name", "A\nB"),
        Setting("global", "commit.gpgsign", "true"),
        Setting("command", "credential.helper", ""),
    ]
    assert parse("") == []


text = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=25, deadline=None)
@given(values=st.lists(text, min_size=1, max_size=6), base=text.filter(lambda one: "\n" not in one))
def test_git_reads_in_the_file_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], base: str
) -> None:
    wanted = [
        setting
        for value in values
        for setting in (
            Setting("global", "user.name", value),
            Setting("global", f"url.{base}.insteadof", value),
        )
    ]
    file = tmp_path_factory.mktemp("config") / "config"
    file.write_text(as_file(wanted))
    command = ["git", "config", "--file", str(file), "--list", "--null"]
    answer = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    lines = [line.partition("\n") for line in answer.split("\0")[:-1]]
    assert [(key, value) for key, _, value in lines] == [
        (setting.key if base else setting.key.replace("..", "."), setting.value) for setting in wanted
    ]


def test_variables_that_lead_elsewhere_go_and_identity_stays() -> None:
    given = {
        "HOME": "/root",
        "LANG": "fr_FR.UTF-8",
        "LC_ALL": "de_DE.UTF-8",
        "GIT_DIR": ".git",
        "GIT_WORK_TREE": "/x",
        "GIT_INDEX_FILE": "/i",
        "GIT_NAMESPACE": "n",
        "GIT_QUARANTINE_PATH": "/q",
        "GIT_TEMPLATE_DIR": "/t",
        "GIT_ATTR_SOURCE": "HEAD",
        "GIT_TRACE": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_GLOBAL": "/g",
        "GIT_AUTHOR_NAME": "A",
        "GIT_SSH_COMMAND": "ssh -i key",
        "GIT_ASKPASS": "ask",
        "GIT_TERMINAL_PROMPT": "1",
    }
    same = {"HOME": "/root", "LANG": "fr_FR.UTF-8", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ATTR_NOSYSTEM": "1"}
    same |= {"GIT_AUTHOR_NAME": "A", "GIT_SSH_COMMAND": "ssh -i key", "GIT_ASKPASS": "ask"}
    assert environment(given, configuration=False) == same
    assert environment(given, configuration=True) == same | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_GLOBAL": "/g"}


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ({"remote.origin.url": "a", "remote.fork.url": "b", "branch.main.remote": "fork"}, "origin"),
        ({"remote.upstream.url": "a"}, "upstream"),
        ({"remote.my.team.url": "a"}, "my.team"),
        ({"remote.upstream.url": "a", "remote.fork.url": "b", "branch.main.remote": "fork"}, "fork"),
        ({"remote.upstream.url": "a", "remote.fork.url": "b", "branch.other.remote": "fork"}, ""),
        ({"remote.upstream.url": "a", "remote.fork.url": "b", "branch.main.remote": "."}, ""),
        ({"remote.pushdefault": "a"}, ""),
        ({}, ""),
    ],
)
def test_the_remote_of_a_checkout(lines: dict[str, str], name: str) -> None:
    assert remote_of("main", [Setting("local", key, value) for key, value in lines.items()]) == name


def test_the_first_url_of_a_remote_is_read_from() -> None:
    lines = [Setting("local", "remote.o.url", url) for url in ("first", "second")]
    assert remotes(lines) == {"o": "first"}


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("git version 2.39.5\n", (2, 39)),
        ("git version 2.50.1 (Apple Git-155)", (2, 50)),
        ("git version 2.45.1.windows.1", (2, 45)),
        ("git version 2.25", (2, 25)),
        ("hub version x", None),
    ],
)
def test_versions_of_git(answer: str, version: tuple[int, int] | None) -> None:
    assert version_of(answer) == version


def test_an_empty_file_is_no_setting(tmp_path: Path) -> None:
    assert as_file([]) == ""
