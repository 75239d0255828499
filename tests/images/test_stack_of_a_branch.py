"""What the verbs of promotion read of a stack's file in a checkout: the one reading of bus, or a refusal."""

from pathlib import Path
from typing import Any

import pytest

from bus.images.promotion import branch
from bus.images.promotion.pins import ImagePinError
from bus.images.registry import trust

IMAGES = 'config:\n  bus:images: {registries: {"r.nc": {caFile: %s}}}\n'


def config_of(folder: Path, content: bytes) -> Any:
    (folder / "Pulumi.x.yaml").write_bytes(content)
    return branch.stack_config(folder, "x")


@pytest.mark.parametrize("written", ["2024-01-01", "ca.pem", "=", '"on"', "8080:80"])
def test_a_value_is_what_its_author_wrote(tmp_path: Path, written: str) -> None:
    """With PyYAML, a date as the name of a file left the stack without any trust, and nobody was told."""
    name = written.strip('"')
    (tmp_path / name).write_text("PEM")
    assert trust.of_config(config_of(tmp_path, (IMAGES % written).encode()), tmp_path)["r.nc"].ca == "PEM"


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("config: {bus:values: {kafka: {a: on}}}", "bus:values.kafka.a = on: is true to some readers"),
        ("config: {bus:values: {on: {image: {tag: x}}}}", "bus:values.on: this key must be text"),
        ("config: {bus:values: {kafka: {a: 22:30}}}", "bus:values.kafka.a = 22:30: is a number in base 60"),
        ("config: {bus:images: !mine {}}", "bus:images: has the tag !mine"),
        ("config: {bus:images: {mirror: a, mirror: b}}", "is not YAML: key 'mirror' stands here twice"),
        ("config: {bus:a: 1, bus:a: 2}", "is not YAML: key 'bus:a' stands here twice"),
        ("config: {bus:a: '2024-01-01 00:00:00 +0000 UTC'}", "is what Pulumi makes of a date"),
        ("config: [", "is not YAML"),
        ("config: {bus:a: \x01}", "is not YAML: character 17 is U+0001"),
        ("- a", "must be a map with config, and is a list"),
        ("config: [a]", "config = ['a']: must be a map, and is a list"),
        ("config: x", "config = 'x': must be a map, and is text"),
    ],
)
def test_what_the_program_would_refuse_is_refused_with_the_files_name(tmp_path: Path, text: str, refusal: str) -> None:
    with pytest.raises(ImagePinError) as refused:
        config_of(tmp_path, text.encode())
    assert str(refused.value).startswith("Pulumi.x.yaml: ") and refusal in str(refused.value)


def test_all_of_it_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImagePinError) as refused:
        config_of(tmp_path, b"config:\n  bus:values: {kafka: {a: on, b: 0123}}\n  bus:images: {mirror: no}\n")
    assert [line.split(" = ")[0] for line in str(refused.value).splitlines()] == [
        "Pulumi.x.yaml: bus:values.kafka.a",
        "Pulumi.x.yaml: bus:values.kafka.b",
        "Pulumi.x.yaml: bus:images.mirror",
    ]


def test_a_file_that_is_no_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ImagePinError, match=r"Pulumi.x.yaml: line 2: is not UTF-8; save the file as UTF-8"):
        config_of(tmp_path, b"config:\n  bus:a: \xe9\n")


@pytest.mark.parametrize(
    "text", ["", "# none\n", "config:\n", "config: {}\n", "encryptionsalt: x\n", "\ufeffconfig:\n"]
)
def test_a_file_without_config_has_none(tmp_path: Path, text: str) -> None:
    assert config_of(tmp_path, text.encode()) == {}
    assert branch.stack_config(tmp_path, "y") == {}


def test_keys_of_others_are_theirs_to_judge(tmp_path: Path) -> None:
    """Pulumi's own reading decides of them; bus has none of them."""
    content = b"config: {aws:region: on, bus:a.password: {secure: v1:abc}}\n"
    assert config_of(tmp_path, content)["bus:a.password"] == {"secure": "v1:abc"}
