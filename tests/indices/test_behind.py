"""What stands behind a name, from everything a server has below it."""

from typing import Any

import pytest

from bus.indices.reindex.resolve import behind


def index(*aliases: str, phase: str = "", **how: Any) -> dict[str, Any]:
    """An index with aliases; with a phase, a generation that bus fills or has filled."""
    notes = {"_meta": {"bus": {"source": "films-000001", "fingerprint": "x", "phase": phase}}} if phase else {}
    return {"mappings": notes, "settings": {"index.number_of_shards": "1"}, "aliases": dict.fromkeys(aliases, how)}


@pytest.mark.parametrize(
    ("contents", "live"),
    [
        ({"films-000003": index("films"), "films-000002": index()}, "films-000003"),
        ({"films": index()}, "films"),
        ({"one": index("films"), "two": index("films", is_write_index=True)}, "two"),
        ({"films-000004": index()}, "films-000004"),
        ({"films-000004": index("other", phase="live")}, "films-000004"),
        ({"films-000001": index("films"), "films-000002": index(phase="copying")}, "films-000001"),
    ],
)
def test_the_index_that_is_meant(contents: dict[str, Any], live: str) -> None:
    found, wrong = behind(["films", "nothing"], contents)
    assert not wrong and found.keys() == {"films"}
    assert found["films"].name == live
    assert list(found["films"].generations) == sorted(name for name in contents if name.startswith("films"))


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({".ds-films-000001": {**index(), "data_stream": "films"}}, "is a data stream, which bus does not manage"),
        ({"one": index("films"), "two": index("films")}, "stands for one, two: give one of them is_write_index"),
        (
            {"films-000001": index(), "films-000002": index()},
            "no index bears the alias films, but there are films-0000",
        ),
        ({"films-000002": index(phase="copying")}, "no index bears the alias films, but there are films-000002"),
    ],
)
def test_nothing_is_guessed(contents: dict[str, Any], said: str) -> None:
    found, wrong = behind(["films"], contents)
    assert not found and said in wrong["films"]
