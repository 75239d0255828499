"""What `bus set-image` and `bus promote` write: read back equal, every other byte as it was, or refused."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.config.yaml_reading import read as read_yaml
from bus.images.promotion import branch, pins
from bus.images.promotion.pins import ImagePinError

TAGS = ["1.0", "1.10", "2024-01-01", "on", "0123", "1e5", "22", "null", "68e1", "y", "a_b-c", "_", "1_000"]
DIGESTS = ["", "sha256:" + "0" * 64, "sha256:" + "1e5" + "a" * 61]
HOTFIXES = ["", "on", "JIRA-1: x # y", "'", '"', "\\", "é 🎬", "a\nb", " ", "- a", "&a", "*a", "!x", "{", "\u2028", "%"]
BEFORE = [
    "", "# on: no\n", "\ufeff", "---\n", "x: &a {tag: own, y: 1}\nz: *a\n", "on: 1\nv: 0x1F\n",
    "text: |\n  image: {tag: fake}\n  tag: x\n", "t: !mine x\n", "q: 'image: '\n", "v: {image: {tag: z}}\n",
]  # fmt: skip
AFTER = [
    "", "# last\n", "values: {image: {tag: q}, a: ~}\n", "b: [1, 'two', \"three\"] # c\n", "e: 🎬\n", "d: 2024-01-01\n",
    "text: >+\n  tag: x\n\n", "z: !!str 5\n", "k:   {  a:   1.0e+3 }\n", "image2: {tag: x}\n",
]  # fmt: skip
BLOCKS = [
    "image:\n  repository: r.nc/team\n  name: ui\n  tag: %s\n",
    "image:\n  repository: r.nc/team\n  name: ui\n  tag: %s # why\n  # below\n",
    "image:\n    tag: %s\n    # between\n    repository: 'r.nc/team'\n    name: \"ui\"\n",
    "image:\n  repository: r.nc/team\n  name: ui\n  tag: %s\n  digest: sha256:" + "2" * 64 + "\n  hotfix: 'it''s'\n",
    "image: {repository: r.nc/team, name: ui, tag: %s}\n",
    "image: {tag: %s, name: ui, repository: r.nc/team} # one\n",
    "image: {repository: r.nc/team, name: ui, tag: %s, digest: 'sha256:" + "2" * 64 + "', hotfix: x}\n",
    "image: &i\n  repository: r.nc/team\n  name: ui\n  tag: &t %s\n",
    "image: !!map\n  repository: !!str r.nc/team\n  name: ui\n  tag: %s\n",
    '"image":\n  "repository": r.nc/team\n  ? name\n  : ui\n  tag: %s\n',
]
OLD = ["old", "'old'", '"old"', "'1.10'", '"on"', "!!str 1.10", '"a\\x62"', "v1.2"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(*map(st.sampled_from, (BEFORE, BLOCKS, OLD, AFTER, TAGS, DIGESTS, HOTFIXES, ["\n", "\r\n"])))
def test_what_is_written_is_read_back_and_no_other_byte_changes(
    tmp_path: Path, before: str, block: str, old: str, after: str, tag: str, digest: str, hotfix: str, newline: str
) -> None:
    parts = [part.replace("\n", newline) for part in (before, block % old, after)]
    text = "".join(parts)
    file = tmp_path / "values/ui.yml"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text.encode())
    try:
        was = pins.read(text, "f")
        wanted = pins.bump(was, tag, digest, hotfix)
        branch.write(tmp_path, "ui", wanted)
    except ImagePinError as refused:
        assert file.read_bytes() == text.encode(), "what is refused is not written"
        assert str(refused)
        return
    written = file.read_bytes().decode()
    assert pins.read(written, "f") == wanted == branch.read(tmp_path)["ui"]
    assert written.startswith(parts[0]) and written.endswith(parts[2])
    own, theirs = (read_yaml(one, "f") for one in (written, text))
    assert own.value.keys() == theirs.value.keys()
    assert {k: v for k, v in own.value.items() if k != "image"} == {
        k: v for k, v in theirs.value.items() if k != "image"
    }
    assert [line for line in written.splitlines() if "#" in line and "hotfix" not in line and "tag" not in line] == [
        line for line in text.splitlines() if "#" in line and "hotfix" not in line and "tag" not in line
    ]
    if newline == "\r\n":
        assert written.replace("\r\n", "").count("\n") == 0
    branch.write(tmp_path, "ui", wanted)
    assert file.read_bytes().decode() == written, "written twice, it stays"
