"""The word of a topic's owner for those who use it: each case a file in words/."""

from pathlib import Path

import pytest
import yaml

from bus.config.stack_file import kind_of
from bus.topics import granting, model

CASES = sorted((Path(__file__).parent / "words").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_who_has_no_word_of_the_owner_is_refused(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    topics, wrong = model.merge_fragments({f"values/{b}.yml": (b, entries) for b, entries in given["files"].items()})
    assert wrong == []
    clients = [granting.Clients(site, kind_of(site), bricks) for site, bricks in given["sites"].items()]
    known = {*given["files"], *(brick for one in clients for brick in one.bricks)}
    lines = [str(one) for one in granting.unknown(topics, known) + granting.refused(topics, clients)]
    assert len(lines) == len(given["problems"]), "\n".join(lines)
    for line, (start, *parts) in zip(lines, given["problems"], strict=True):
        assert line.startswith(start), line
        assert not [part for part in parts if part not in line], line
