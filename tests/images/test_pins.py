"""The image block of a brick's file: what a change touches, and what it leaves as it was."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bus.image_reference import Reference
from bus.images.promotion import branch, pins
from bus.images.promotion.pins import ImagePinError, Pin

ROOT = Path(__file__).parents[2]
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HEAD = "# top\nimage:\n  repository: dkr.isi.nc # the registry\n  name: isi/x\n"
TAIL = "values:\n    b: [1,   2]   # kept\n    a: 'x'\n"

CASES = [
    ("a tag keeps its quotes", HEAD + '  tag: "1"\n' + TAIL, "2", "", HEAD + '  tag: "2"\n' + TAIL),
    ("and its comment", HEAD + "  tag: '1'  # now\n" + TAIL, "2", "", HEAD + "  tag: '2'  # now\n" + TAIL),
    ("a bare tag stays bare", HEAD + "  tag: a1\n" + TAIL, "v2.0", "", HEAD + "  tag: v2.0\n" + TAIL),
    ("unless YAML would read a number", HEAD + "  tag: a1\n" + TAIL, "2.0", "", HEAD + '  tag: "2.0"\n' + TAIL),
    ("or an exponent", HEAD + "  tag: a1\n" + TAIL, "1e3", "", HEAD + '  tag: "1e3"\n' + TAIL),
    ("a digest comes after the tag", HEAD + '  tag: "1" # c\n', "2", NEW, HEAD + f'  tag: "2" # c\n  digest: {NEW}\n'),
    ("a digest is replaced", HEAD + f'  digest: {OLD}\n  tag: "1"\n', "2", NEW,
     HEAD + f'  digest: {NEW}\n  tag: "2"\n'),
    ("or taken away", HEAD + f'  tag: "1"\n  digest: {OLD} # c\n' + TAIL, "2", "", HEAD + '  tag: "2"\n' + TAIL),
    ("at the end without a newline", HEAD + '  tag: "1"', "2", NEW, HEAD + f'  tag: "2"\n  digest: {NEW}'),
    ("with the line ends of Windows", "image:\r\n  repository: r\r\n  name: n\r\n  tag: a\r\nvalues: {}\r\n", "b", NEW,
     f"image:\r\n  repository: r\r\n  name: n\r\n  tag: b\r\n  digest: {NEW}\r\nvalues: {{}}\r\n"),
    ("on one line", "image: {repository: r, name: n, tag: '1'}  # c\n", "2", NEW,
     f"image: {{repository: r, name: n, tag: '2', digest: {NEW}}}  # c\n"),
    ("off one line", f"image: {{digest: {OLD}, repository: r, name: n, tag: '1'}}\n", "2", "",
     "image: {repository: r, name: n, tag: '2'}\n"),
    ("off the end of one line", f"image: {{repository: r, name: n, tag: '1', digest: {OLD}}}\n", "2", "",
     "image: {repository: r, name: n, tag: '2'}\n"),
    ("below another image", "values:\n  image: {tag: '1'}\nimage:\n  repository: r\n  name: n\n  tag: '1'\n", "2", "",
     "values:\n  image: {tag: '1'}\nimage:\n  repository: r\n  name: n\n  tag: '2'\n"),
    ("below an anchor", "image: &i\n  repository: r\n  name: n\n  tag: a\nvalues: {op: =}\n", "2", "",
     'image: &i\n  repository: r\n  name: n\n  tag: "2"\nvalues: {op: =}\n'),
    ("beside accents", "# événement ☃\nimage:\n  repository: r\n  name: n\n  tag: '1'\n", "2", "",
     "# événement ☃\nimage:\n  repository: r\n  name: n\n  tag: '2'\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tag", "digest", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_one_block_is_changed_and_no_other_byte(text: str, tag: str, digest: str, expected: str) -> None:
    assert pins.write(text, pins.bump(pins.read(text, "f"), tag, digest), "f") == expected


@pytest.mark.parametrize("file", sorted((ROOT / "values").glob("*.yml")), ids=lambda path: path.stem)
def test_every_brick_of_the_project_can_be_changed_and_changed_back(file: Path) -> None:
    text = file.read_text()
    before = pins.read(text, file.name)
    changed = pins.write(text, Pin(Reference("r", "n", "2.10", NEW), 'broken till: "#7"'), file.name)
    assert yaml.safe_load(changed)["image"] == {
        "repository": "r",
        "name": "n",
        "tag": "2.10",
        "digest": NEW,
        "hotfix": 'broken till: "#7"',
    }
    assert len(changed.splitlines()) == len(text.splitlines()) + 2
    assert yaml.safe_load(pins.write(changed, before, file.name)) == yaml.safe_load(text)


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True))
def test_whatever_the_tag_it_is_read_back_as_text(tag: str) -> None:
    for line in ("a", "'a'", '"a"'):
        text = f"{HEAD}  tag: {line}\n{TAIL}"
        assert pins.read(pins.write(text, pins.bump(pins.read(text, "f"), tag, NEW), "f"), "f").image.tag == tag


@pytest.mark.parametrize(
    ("text", "tag", "said"),
    [
        ("values: {}\n", "2", "f has no image block"),
        ("", "2", "f has no image block"),
        ("image: {repository: r, name: n}\n", "2", "image.tag is required"),
        ("image: {repository: r, name: n, tag: 1.10}\n", "2", "image.tag = 1.10 must be text; put it between"),
        ("image: [\n", "2", "is not YAML"),
        (HEAD + "  tag: '1'\n", "a b", "'a b' is no tag"),
        (HEAD + "  tag: '1'\n", "", "'' is no tag"),
        ("x: &i {repository: r, name: n, tag: a}\nimage: *i\n", "2", "image is an alias"),
        ("x: &i {repository: r, name: n, tag: a}\nimage:\n  <<: *i\n", "2", "image takes its tag from an alias"),
        ("image:\n  repository: r\n  name: n\n  tag: >-\n    a\nvalues: {}\n", "b", "cannot be changed by itself"),
        ("image: {repository: r, name: n, tag: a}\nimage: {repository: r, name: n, tag: a}\n", "b", "by itself"),
        (
            "image: {repository: r, name: n, tag: a, pullPolicy: Always}\n",
            "b",
            "image.pullPolicy is no key of an image",
        ),
        ("- a\n", "2", "must have keys at its top, such as image: and values:; it is a list"),
        ("a: \0\n", "2", "f is not YAML"),
        ("image:\n  repository: r\n  name: n\n  tag: &t a\nvalues: {x: *t}\n", "b", "cannot be changed by itself"),
    ],
)
def test_what_cannot_be_changed_by_itself_is_refused(text: str, tag: str, said: str) -> None:
    with pytest.raises(ImagePinError, match=said.replace("[", "\\[")):
        pins.write(text, pins.bump(Pin(Reference("r", "n", "1")), tag, NEW), "f")


def test_a_commit_names_brick_old_and_new() -> None:
    before, after = Pin(Reference("r", "n", "1", OLD)), Pin(Reference("r", "n", "2", NEW), "urgent")
    assert pins.describe("x", before, after) == f"x: 1 -> 2\n\nold: r/n:1@{OLD}\nnew: r/n:2@{NEW}\nhotfix: urgent"
    moved = Pin(Reference("r", "n", "1", NEW))
    assert pins.describe("x", before, moved).startswith("x: 1 aaaaaaaaaaaa -> bbbbbbbbbbbb\n")
    marked = Pin(before.image, "urgent")
    assert pins.describe("x", before, marked).startswith("x: 1 is a hotfix\n")
    assert pins.describe("x", marked, before).startswith("x: 1 is no hotfix any more\n")


def test_a_file_that_is_a_link_or_no_utf8_is_refused_and_nothing_outside_is_written(tmp_path: Path) -> None:
    (tmp_path / "values").mkdir()
    outside = tmp_path / "outside"
    outside.write_text(HEAD + "  tag: a\n")
    (tmp_path / "values/x.yml").symlink_to(outside)
    (tmp_path / "values/y.yml").write_bytes(b"# \xe9t\xe9\n")
    pin = Pin(Reference("r", "n", "2"))
    with pytest.raises(ImagePinError, match=f"is a link to {outside}"):
        branch.write(tmp_path, "x", pin)
    assert outside.read_text() == HEAD + "  tag: a\n"
    with pytest.raises(ImagePinError, match=r"values/y\.yml is not UTF-8: byte 2 is 0xe9"):
        branch.write(tmp_path, "y", pin)
