"""Stack files as the real `pulumi config` reads and writes them."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.cli.stack import read_config
from bus.config.authored import authored, text_of
from bus.errors import InvalidInput
from tests.support.yaml_spellings import KEYS, REFUSED, SCALARS

pytestmark = pytest.mark.servers
BEYOND_JSON = ("inf", "INF", "Inf", "nan", "NaN", "NAN", "1e400", "-1e999", "1" * 500)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("project")
    (root / "state").mkdir()
    (root / "Pulumi.yaml").write_text("name: bus\nruntime: yaml\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_BACKEND_URL", f"file://{root}/state")
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", "test")
        patch.delenv("BUS_CONFIG_FILE", raising=False)
        pulumi(root, "stack", "init", "x")
        yield root


def pulumi(root: Path, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        ["pulumi", "--non-interactive", *arguments], cwd=root, capture_output=True, text=True, check=False, input=given
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wrapped(text: str) -> str:
    lines = f"v: {text}".splitlines()
    return "".join(f"      {line}\n" for line in lines)


def test_every_spelling_of_a_stack_file_is_what_its_author_wrote_or_refused(project: Path) -> None:
    file, salt = project / "Pulumi.x.yaml", salt_of(project)
    spellings = [(text, meant) for text, meant in SCALARS if not text.lstrip("+-.").startswith(BEYOND_JSON)]
    spellings = [
        (text, meant)
        for text, meant in spellings
        if text not in BEYOND_JSON and not is_tag(text, meant) and not text.startswith("|+")
    ]
    text = "config:\n  bus:all:\n" + "".join(
        f"    k{number}:\n{wrapped(one)}" for number, (one, _) in enumerate(spellings)
    )
    file.write_text(text + salt)
    config, _ = read_config(project, "x")
    found = authored(text_of(project, "x"), "Pulumi.x.yaml", config, "bus:")
    refused = {problem.path.split(".")[1] for problem in found.problems}
    values = json.loads(found.config["bus:all"])
    for number, (one, meant) in enumerate(spellings):
        key = f"k{number}"
        assert (key in refused) == (meant is REFUSED), one
        if meant is not REFUSED:
            assert (type(values[key]["v"]), values[key]["v"]) == (type(meant), meant), one


def is_apart(text: str, meant: Any) -> bool:
    """Whether Pulumi cannot read a spelling, or it ends with a line that another key would take away."""
    return text in BEYOND_JSON or is_tag(text, meant) or text.startswith("|+")


def is_tag(text: str, meant: Any) -> bool:
    return text.startswith("!") and meant is REFUSED


@pytest.mark.parametrize("text", [text for text, meant in SCALARS if is_tag(text, meant)])
def test_a_tag_is_refused_whether_pulumi_reads_it_or_not(project: Path, text: str) -> None:
    file, salt = project / "Pulumi.x.yaml", salt_of(project)
    file.write_text(f"config:\n  bus:a:\n    b: {text}\n{salt}")
    try:
        config, _ = read_config(project, "x")
        said = str(authored(text_of(project, "x"), "Pulumi.x.yaml", config, "bus:").problems)
    except InvalidInput as error:
        said = str(error)
    file.write_text(salt)
    assert "has the tag !" in said


@pytest.mark.parametrize("text", [".inf", ".nan", "-.inf"])
def test_what_pulumi_itself_cannot_read_is_refused_with_its_line(project: Path, text: str) -> None:
    file, salt = project / "Pulumi.x.yaml", salt_of(project)
    file.write_text(f"config:\n  bus:a:\n    b: {text}\n{salt}")
    with pytest.raises(InvalidInput, match=rf"yaml: bus:a\.b = {text}: is no number that JSON has \(line 3\)"):
        read_config(project, "x")
    file.write_text(salt)


def test_keys_are_judged_as_the_file_has_them(project: Path) -> None:
    file, salt = project / "Pulumi.x.yaml", salt_of(project)
    keys = [(key, taken) for key, taken in KEYS if not key.startswith("?") and key != "."]
    lines = [f"    k{number}:\n      {key}: x\n" for number, (key, _) in enumerate(keys)]
    file.write_text("config:\n  bus:all:\n" + "".join(lines) + salt)
    config, _ = read_config(project, "x")
    found = authored(text_of(project, "x"), "Pulumi.x.yaml", config, "bus:")
    refused = {problem.path.split(".")[1] for problem in found.problems}
    assert refused == {f"k{number}" for number, (_, taken) in enumerate(keys) if not taken}


TEXTS = ["on", "0123", "2024-01-01", "1.10", "1234e56", "22:30", "~", "1_000", "=", "y", "🎬", "a: b", "# x", "-", "'"]


def test_what_pulumi_config_sets_is_read_back(project: Path) -> None:
    file, salt = project / "Pulumi.x.yaml", salt_of(project)
    file.write_text(salt)
    for number, text in enumerate(TEXTS):
        pulumi(project, "config", "set", "--stack", "x", "--path", f"bus:all.k{number}", "--", text)
        pulumi(project, "config", "set", "--stack", "x", f"bus:top{number}", "--", text)
    pulumi(project, "config", "set", "--stack", "x", "--secret", "bus:odoo.password", given="0123")
    pulumi(project, "config", "set", "--stack", "x", "--path", "--secret", "bus:nested.secret", given="on")
    config, encrypted = read_config(project, "x")
    found = authored(text_of(project, "x"), "Pulumi.x.yaml", config, "bus:")
    assert found.problems == ()
    values: dict[str, Any] = json.loads(found.config["bus:all"])
    assert [values[f"k{number}"] for number in range(len(TEXTS))] == TEXTS
    assert [found.config[f"bus:top{number}"] for number in range(len(TEXTS))] == TEXTS
    assert (found.config["bus:odoo.password"], json.loads(found.config["bus:nested"])) == ("0123", {"secret": "on"})
    assert encrypted == {"bus:odoo.password", "bus:nested"}
    assert "0123" not in file.read_text().split("bus:odoo.password")[1].split("\n")[1]


def test_a_date_that_pulumi_has_written_anew_is_refused(project: Path) -> None:
    file, salt = project / "Pulumi.x.yaml", salt_of(project)
    file.write_text(f"config:\n  bus:a: {{since: 2024-01-01}}\n{salt}")
    read, _ = read_config(project, "x")
    assert authored(text_of(project, "x"), "f", read, "bus:").config["bus:a"] == '{"since": "2024-01-01"}'
    pulumi(project, "config", "set", "--stack", "x", "bus:b", "x")
    read, _ = read_config(project, "x")
    (problem,) = authored(text_of(project, "x"), "f", read, "bus:").problems
    assert "a.since = 2024-01-01 00:00:00 +0000 UTC: is what Pulumi makes of a date" in str(problem)


def salt_of(project: Path) -> str:
    text = (project / "Pulumi.x.yaml").read_text() if (project / "Pulumi.x.yaml").exists() else ""
    lines = [line for line in text.splitlines() if line.startswith("encryptionsalt")]
    return "".join(f"{line}\n" for line in lines)
