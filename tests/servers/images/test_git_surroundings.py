"""Changes to a branch under the settings of other users and machines: what is pushed is the same under all of them."""

import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bus import git
from bus.git import GitFailed, NoBranch
from bus.images.promotion import branch
from tests.support.repository import ENV, Repository, run

pytestmark = pytest.mark.servers
FILES = {
    "values/a.yml": "image:\n  repository: r.io\n  name: a\n  tag: '1'\n",
    "crlf.txt": "1\r\n2\n",
    ".gitignore": "x\n",
}
CHANGED = "image:\n  repository: r.io\n  name: é\n  tag: '2'\n"
SCRIPT = "#!/bin/sh\ntouch {ran}\necho evil >>values/a.yml 2>/dev/null\nexit 1\n"
# Each is one user: the text of ~/.gitconfig. {folder} has a failing hook of every name, and programs that would be run.
USERS = {
    "default": "",
    "remote": "[clone]\n\tdefaultRemoteName = upstream",
    "crlf": "[core]\n\tautocrlf = true\n\teol = crlf\n\tsafecrlf = true",
    "input": "[core]\n\tautocrlf = input\n\tsafecrlf = true",
    "hooks": "[core]\n\thooksPath = {folder}/hooks",
    "templates": "[init]\n\ttemplateDir = {folder}/template\n\tdefaultBranch = trunk",
    "push": "[push]\n\tdefault = nothing\n\tfollowTags = true\n\tgpgSign = true\n\trecurseSubmodules = check",
    "pull": "[pull]\n\trebase = merges\n\tff = only\n[merge]\n\tff = false\n[fetch]\n\tprune = true",
    "colours": "[color]\n\tui = always\n[core]\n\tpager = {folder}/run\n[column]\n\tui = always\n[pager]\n\ttag = true",
    "quoting": "[core]\n\tquotePath = true\n\tprecomposeUnicode = true\n[diff]\n\texternal = {folder}/run",
    "monitor": "[core]\n\tfsmonitor = {folder}/run\n\tuntrackedCache = true\n\tsplitIndex = true",
    "status": "[status]\n\tshowUntrackedFiles = no\n[log]\n\tshowSignature = true\n[core]\n\tabbrev = 4",
    "ignored": "[core]\n\texcludesFile = {folder}/all\n\tattributesFile = {folder}/attributes",
    "encodings": "[i18n]\n\tcommitEncoding = ISO-8859-1\n\tlogOutputEncoding = UTF-16",
    "message": "[commit]\n\tcleanup = strip\n\ttemplate = {folder}/missing\n[core]\n\tcommentChar = b",
    "submodules": "[submodule]\n\trecurse = true\n[core]\n\tsparseCheckout = true",
    "filters": '[filter "lfs"]\n\tclean = {folder}/run\n\tsmudge = {folder}/run\n\trequired = true',
    "origin": '[remote]\n\tpushDefault = fork\n[remote "origin"]\n\tpushurl = /nowhere\n\tmirror = true',
    "url": '[url "{url}"]\n\tinsteadOf = deployment:',
    "alias": "[alias]\n\tpush = !{folder}/run\n[tag]\n\tsort = nonsense\n[branch]\n\tsort = nonsense",
    "background": "[gc]\n\tauto = 1\n\tautoDetach = true\n[maintenance]\n\tauto = true\n\tstrategy = incremental",
    "newer": "[index]\n\tversion = 4\n[core]\n\tbigFileThreshold = 1",
}  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A deployment repository, and this machine without settings of its own."""
    for key in [key for key in os.environ if key.startswith("GIT_")] + ["CI_COMMIT_BRANCH"]:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Zoé")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "zoe@cine.nc")
    (tmp_path / "home").mkdir()
    return Repository.create(tmp_path, FILES)


def user(tmp_path: Path, repository: Repository, text: str) -> Path:
    """Settings of a user; the file that each program of theirs would leave behind."""
    folder, ran = tmp_path / "theirs", tmp_path / "ran"
    programs = [folder / "run"]
    programs += [folder / place / name for place in ("hooks", "template/hooks") for name in HOOKS]
    for program in programs:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(SCRIPT.format(ran=ran))
        program.chmod(stat.S_IRWXU)
    (folder / "all").write_text("*\n")
    (folder / "attributes").write_text("* text eol=crlf ident filter=lfs\n")
    (tmp_path / "home/.config/git").mkdir(parents=True)
    (tmp_path / "home/.config/git/ignore").write_text("*\n")
    (tmp_path / "home/.config/git/attributes").write_text("* text eol=crlf working-tree-encoding=UTF-16\n")
    (tmp_path / "home/.gitconfig").write_text(text.format(folder=folder, url=f"{repository.url.parent}/"))
    return ran


HOOKS: tuple[str, ...] = (
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-push",
    "post-checkout",
    "pre-auto-gc",
)
HOOKS += ("reference-transaction", "post-index-change", "fsmonitor-watchman", "post-rewrite")


def write(folder: Path) -> str:
    (folder / "values/a.yml").write_text(CHANGED)
    (folder / "new").write_text("new\n")
    return "a: 1 -> 2, été\n\n# kept\nbody"


def is_as_wanted(repository: Repository) -> None:
    """What was pushed, whoever the user is: two files, as they were written, on the branch and under the tag."""
    assert run(repository.url, "diff", "--name-only", "main~1", "main").split() == ["new", "values/a.yml"]
    shown = subprocess.run(["git", "show", "main:crlf.txt"], cwd=repository.url, capture_output=True, check=True)
    assert shown.stdout == b"1\r\n2\n"
    assert repository.text("values/a.yml") == CHANGED
    said = run(repository.url, "cat-file", "commit", "main")
    assert "\n\na: 1 -> 2, été\n\n# kept\nbody\n" in said and "\nauthor Zoé <zoe@cine.nc>" in said
    assert "encoding" not in said
    assert repository.tags() == ["prod.v1"]
    assert run(repository.url, "for-each-ref", "--format=%(refname)", "refs/heads").split() == ["refs/heads/main"]


def faster(folder: Path, repository: Repository) -> Callable[[Path], str]:
    """An edit that loses its first race against another push."""
    lost: list[Path] = []

    def edit(checkout: Path) -> str:
        if not lost:
            lost.append(checkout)
            run(folder, "clone", "--quiet", str(repository.url), "other")
            run(folder / "other", "commit", "--quiet", "--allow-empty", "-m", "theirs")
            run(folder / "other", "push", "--quiet", "origin", "HEAD:refs/heads/main")
        return write(checkout)

    return edit


@pytest.mark.parametrize("name", USERS)
def test_a_change_is_the_same_for_every_user(tmp_path: Path, repository: Repository, name: str) -> None:
    ran = user(tmp_path, repository, USERS[name])
    url = "deployment:deployment.git" if name == "url" else str(repository.url)
    assert branch.read_at(url, "main")["a"].image.tag == "1"
    pushed = git.change(url, "main", faster(tmp_path, repository), tag="prod.v1")
    assert pushed and pushed.retries == 1
    is_as_wanted(repository)
    assert branch.read_at(url, "main", "prod.v1")["a"].image.name == "é"
    assert repository.messages() == ["a: 1 -> 2, été", "theirs", "first"]
    assert not ran.exists(), "a program of the user was run"


ALL = "\n".join(text for name, text in USERS.items() if name not in ("url", "origin"))


@pytest.mark.parametrize("where", ["environment", "parameters", "system", "included"])
def test_settings_are_kept_out_wherever_they_stand(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    ran = user(tmp_path, repository, ALL)
    home = tmp_path / "home/.gitconfig"
    if where == "environment":
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home.rename(tmp_path / "global")))
    elif where == "system":
        monkeypatch.delenv("GIT_CONFIG_NOSYSTEM")
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home.rename(tmp_path / "system")))
    elif where == "included":
        other = home.rename(tmp_path / "other")
        home.write_text(f"[include]\n\tpath = {other}\n")
    else:
        home.unlink()
        pairs = {"clone.defaultRemoteName": "x", "core.hooksPath": str(tmp_path / "theirs/hooks")}
        monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(pairs)))
        for number, (key, value) in enumerate(pairs.items()):
            monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
            monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.autocrlf'='true' 'color.ui'='always'")
    assert git.change(str(repository.url), "main", write, tag="prod.v1")
    is_as_wanted(repository)
    assert not ran.exists(), "a program of the user was run"


ELSEWHERE = {
    "GIT_DIR": "{other}",
    "GIT_WORK_TREE": "{other}",
    "GIT_INDEX_FILE": "{other}/index2",
    "GIT_OBJECT_DIRECTORY": "{other}/objects",
    "GIT_COMMON_DIR": "{other}",
    "GIT_NAMESPACE": "n",
    "GIT_TEMPLATE_DIR": "{theirs}/template",
    "GIT_QUARANTINE_PATH": "{other}/objects",
    "GIT_EXTERNAL_DIFF": "{theirs}/run",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_TRACE": "1",
    "LANG": "fr_FR.UTF-8",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "fr:de",
}


@pytest.mark.parametrize("names", [*([name] for name in ELSEWHERE), list(ELSEWHERE)], ids=lambda names: names[0])
def test_a_hook_of_another_repository_or_another_language_changes_nothing(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    (tmp_path / "of").mkdir()
    other = Repository.create(tmp_path / "of", {"a": "of another"})
    ran = user(tmp_path, repository, "")
    for name in names:
        monkeypatch.setenv(name, ELSEWHERE[name].format(other=other.url, theirs=tmp_path / "theirs"))
    assert git.change(str(repository.url), "main", faster(tmp_path, repository), tag="prod.v1")
    for name in names:
        monkeypatch.delenv(name)
    is_as_wanted(repository)
    assert other.messages() == ["first"] and other.tags() == []
    assert not ran.exists(), "a program of the user was run"


def signer(tmp_path: Path, answer: str = "[GNUPG:] SIG_CREATED ", code: int = 0) -> Path:
    """A program in the place of gpg."""
    program = tmp_path / "sign"
    status = f"echo '{answer}' >&2\n" if answer else ""
    program.write_text(f"#!/bin/sh\ncat >/dev/null\n{status}echo '-----BEGIN PGP SIGNATURE-----'\nexit {code}\n")
    program.chmod(stat.S_IRWXU)
    return program


SIGNING = "[gpg]\n\tprogram = {0}\n[user]\n\tsigningKey = zoe\n[commit]\n\tgpgSign\n[tag]\n\tgpgSign = yes\n"


def test_who_signs_their_commits_signs_these_too(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "home/.gitconfig").write_text(SIGNING.format(signer(tmp_path)))
    assert git.change(str(repository.url), "main", write, tag="prod.v1")
    assert "gpgsig -----BEGIN PGP SIGNATURE-----" in run(repository.url, "cat-file", "commit", "main")
    assert "-----BEGIN PGP SIGNATURE-----" in run(repository.url, "cat-file", "tag", "prod.v1")


def test_a_signature_that_cannot_be_made_is_said_with_the_remedy(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home/.gitconfig").write_text(SIGNING.format(signer(tmp_path, "no secret key", 2)))
    with pytest.raises(GitFailed, match=r"(?s)failed to sign.*commit.gpgSign.*GIT_CONFIG_COUNT=1") as failed:
        git.change(str(repository.url), "main", write)
    assert repository.messages() == ["first"], str(failed.value)
    for number, key in enumerate(("commit.gpgSign", "tag.gpgSign")):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", "false")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    assert git.change(str(repository.url), "main", write, tag="prod.v1"), "the remedy works"
    assert "gpgsig" not in run(repository.url, "cat-file", "commit", "main")


def test_the_name_in_the_users_file_signs(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in [key for key in os.environ if key.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(key)
    mail = tmp_path / "mail"
    mail.write_text("[user]\n\temail = zoe@cine.nc\n")
    text = f'[user]\n\tname = Zoé\n[includeIf "hasconfig:remote.*.url:{repository.url}"]\n\tpath = {mail}\n'
    (tmp_path / "home/.gitconfig").write_text(text)
    assert git.change(str(repository.url), "main", write)
    assert run(repository.url, "log", "-1", "--format=%an %ae, %cn %ce", "main").strip() == (
        "Zoé zoe@cine.nc, Zoé zoe@cine.nc"
    )


def test_a_configuration_that_git_cannot_read_is_said(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "home/.gitconfig").write_text("[user\n")
    with pytest.raises(GitFailed, match="bad config line 1 in file"):
        git.change(str(repository.url), "main", write)


def test_attributes_of_the_repository_change_no_byte(tmp_path: Path, repository: Repository) -> None:
    text = "* text eol=crlf ident filter=lfs\nvalues/*.yml working-tree-encoding=UTF-16\n*.yml crlf diff=x merge=ours\n"

    def attributes(folder: Path) -> str:
        (folder / ".gitattributes").write_text(text)
        (folder / "ident").write_text("$Id$\r\n")
        return "attributes"

    user(tmp_path, repository, USERS["filters"])
    assert git.change(str(repository.url), "main", attributes)
    assert git.change(str(repository.url), "main", write)
    assert run(repository.url, "diff", "--name-only", "main~1", "main").split() == ["new", "values/a.yml"]
    assert repository.text("values/a.yml") == CHANGED


def tagged(repository: Repository, folder: Path, name: str) -> None:
    run(folder, "clone", "--quiet", str(repository.url), "tagging")
    run(folder / "tagging", "tag", name)
    run(folder / "tagging", "push", "--quiet", "origin", f"refs/tags/{name}")


def refs(repository: Repository) -> Mapping[str, str]:
    lines = run(repository.url, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in lines)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prod.v1", r"prod\.v1 is a tag of .*deployment\.git and no branch.*give one of its branches: main$"),
        ("nothing", r"deployment\.git has no branch nothing; give one of its branches: main$"),
        ("-x", "'-x' is no name of a branch"),
        ("--upload-pack=x", "is no name of a branch"),
        ("HEAD", "git's own name"),
        ("refs/heads/main", "give the name of the branch alone: main"),
        ("refs/tags/prod.v1", "give the name of the branch alone"),
        ("", "is no name of a branch"),
        ("main~0", "is no name of a branch"),
        ("mai*", "is no name of a branch"),
        ("heads/main", "has no branch heads/main"),
        ("origin/main", "has no branch origin/main"),
    ],
)
def test_what_is_no_branch_is_refused_and_nothing_is_pushed(
    tmp_path: Path, repository: Repository, name: str, said: str
) -> None:
    tagged(repository, tmp_path, "prod.v1")
    before = refs(repository)
    with pytest.raises(NoBranch, match=said):
        git.change(str(repository.url), name, write)
    assert refs(repository) == before


def test_a_branch_that_a_tag_has_the_name_of_is_the_branch(tmp_path: Path, repository: Repository) -> None:
    tagged(repository, tmp_path, "main")
    before = refs(repository)
    pushed = git.change(str(repository.url), "main", faster(tmp_path, repository), tag="prod.v1")
    assert pushed and pushed.retries == 1
    after = refs(repository)
    assert after["refs/heads/main"] == pushed.commit and after["refs/tags/main"] == before["refs/tags/main"]
    is_changed = run(repository.url, "show", "refs/heads/main:values/a.yml")
    assert is_changed == CHANGED and branch.read_at(str(repository.url), "main")["a"].image.tag == "2"


@pytest.mark.parametrize(("tag", "said"), [("main", "has a branch of that name"), ("a..b", "is no name of a tag")])
def test_a_tag_that_would_make_a_name_mean_two_things_is_refused(repository: Repository, tag: str, said: str) -> None:
    before = refs(repository)
    with pytest.raises(GitFailed, match=said):
        git.change(str(repository.url), "main", write, tag=tag)
    assert refs(repository) == before


@pytest.mark.parametrize("name", ["remote", "colours", "crlf", "quoting", "alias", "monitor"])
def test_a_checkout_of_any_user_says_where_it_comes_from(tmp_path: Path, repository: Repository, name: str) -> None:
    user(tmp_path, repository, USERS[name])
    work = tmp_path / "checkout"
    env = {key: value for key, value in os.environ.items() if key not in ENV}
    subprocess.run(["git", "clone", "--quiet", str(repository.url), str(work)], env=env, check=name != "monitor")
    assert git.here(work) == (str(repository.url), "main")
    assert git.head(work) == refs(repository)["refs/heads/main"]


def test_a_relative_url_is_meant_from_the_top_of_the_checkout(tmp_path: Path, repository: Repository) -> None:
    run(tmp_path, "clone", "--quiet", str(repository.url), "checkout")
    run(tmp_path / "checkout", "remote", "set-url", "origin", "../deployment.git")
    assert git.here(tmp_path / "checkout/values") == (str(repository.url), "main")


def test_a_checkout_of_several_remotes_asks_for_one(tmp_path: Path, repository: Repository) -> None:
    run(tmp_path, "clone", "--quiet", "--origin", "one", str(repository.url), "checkout")
    run(tmp_path / "checkout", "remote", "add", "two", "https://git.isi.nc/x.git")
    run(tmp_path / "checkout", "config", "branch.main.remote", ".")
    with pytest.raises(GitFailed, match=r"has the remotes one, two, none of which is origin.*--repo URL"):
        git.here(tmp_path / "checkout")
    run(tmp_path / "checkout", "config", "branch.main.remote", "two")
    assert git.here(tmp_path / "checkout") == ("https://git.isi.nc/x.git", "main")
