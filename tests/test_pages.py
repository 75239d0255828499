"""The form of the pages: width, length of paragraphs, links that lead somewhere, a place in the index."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "tests", "sandbox", "charts", "rbac")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
COLUMNS, WORDS = 100, 80
# Decisions are kept as they were written; only their lines are held to the width.
PARAGRAPHS = [page for page in PAGES if (ROOT / "docs/adr") not in page.parents]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`((?:bus|components|tests|sandbox|charts|bench|rbac|bin)/[\w./-]*)`")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line outside code blocks and tables, whose lines cannot be broken."""
    in_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and not line.lstrip().startswith("|"):
            yield number, line


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield the first line's number and the text of each paragraph; each item of a list is one."""
    first, words, last, after_heading = 0, list[str](), 0, False
    for number, line in prose(text):
        ends = not line.strip() or _ITEM.match(line) or after_heading or line.startswith("#") or number != last + 1
        if ends and words:
            yield first, " ".join(words)
            words = []
        after_heading = line.startswith("#")
        if line.strip():
            first = number if not words else first
            words.append(line.strip())
        last = number
    if words:
        yield first, " ".join(words)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitLab and GitHub give to the headings of a page."""
    headings = [line.lstrip("#").strip() for _, line in prose(text) if line.startswith("#")]
    kept = (re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_lines_have_at_most_100_columns(page: Path) -> None:
    wide = [(number, len(line)) for number, line in prose(page.read_text()) if len(line) > COLUMNS and " " in line]
    assert not wide, f"{named(page)}: lines (number, columns) over {COLUMNS}; wrap them"


@pytest.mark.parametrize("page", PARAGRAPHS, ids=named)
def test_paragraphs_have_at_most_80_words(page: Path) -> None:
    lengths = [(number, len(text.split())) for number, text in paragraphs(page.read_text())]
    long = [(number, words) for number, words in lengths if words > WORDS]
    assert not long, f"{named(page)}: paragraphs (first line, words) over {WORDS}; split them, or make a list"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PARAGRAPHS, ids=named)
def test_each_path_of_the_code_exists(page: Path) -> None:
    """Decisions keep the paths of their time."""
    missing = [path for path in _PATH.findall(page.read_text()) if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize(
    "word",
    [
        "acl",
        "air gap",
        "authentication",
        "downtime",
        "drift",
        "heartbeat",
        "idempotent",
        "prerequisite",
        "roll back",
        "rotate kafka passwords",
        "troubleshoot",
    ],
)
def test_the_words_that_readers_search_for_are_there(word: str) -> None:
    """Beside the glossary, which only defines them."""
    pages = [page for page in (ROOT / "docs").glob("*.md") if page.name != "glossary.md"]
    assert [page.name for page in pages if word in " ".join(page.read_text().lower().split())]


def test_the_index_names_each_page_of_docs() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = [page for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert not [page.name for page in pages if f"({page.name})" not in index]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo\n\nthree\n", [(1, "one two"), (4, "three")]),
        ("- one\n  two\n- three\n", [(1, "- one two"), (3, "- three")]),
        ("one\n```sh\ntwo\n```\nthree\n", [(1, "one"), (5, "three")]),
        ("one\n| a | b |\ntwo\n", [(1, "one"), (3, "two")]),
        ("# one\ntwo\n", [(1, "# one"), (2, "two")]),
    ],
)
def test_a_paragraph_ends_at_an_item_a_heading_code_and_a_table(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(paragraphs(text)) == expected
