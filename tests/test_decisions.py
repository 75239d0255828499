"""docs/adr: each record has a number, a title, a status and a date, and its line in the index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs/adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
_HEAD = re.compile(r"# (?P<number>\d{4}) (?P<title>.+)\n\nStatus: (?P<status>.+)\. Date: (?P<date>\d{4}-\d\d-\d\d)\.\n")
_STATUS = re.compile(r"accepted|(amended|superseded) by (?P<later>\d{4})")


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name)
def test_a_record_begins_with_number_title_status_and_date(record: Path) -> None:
    head = _HEAD.match(record.read_text())
    assert head, f"{record.name} must begin as {FOLDER / 'template.md'} does"
    assert head["number"] == record.name[:4]
    status = _STATUS.fullmatch(head["status"])
    assert status, f"{record.name}: status {head['status']!r}; allowed: accepted, amended by NNNN, superseded by NNNN"
    assert not status["later"] or list(FOLDER.glob(f"{status['later']}-*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.name)
def test_the_index_has_the_line_of_a_record(record: Path) -> None:
    head = _HEAD.match(record.read_text())
    assert head
    line = f"| [{head['number']}]({record.name}) | {head['title']} | {head['status']} | {head['date']} |"
    assert line in (FOLDER / "README.md").read_text().splitlines(), f"docs/adr/README.md lacks the line: {line}"


def test_no_number_is_used_twice() -> None:
    numbers = [record.name[:4] for record in RECORDS]
    assert len(numbers) == len(set(numbers))
