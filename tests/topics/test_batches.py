"""What goes into one call, where a controller takes only so much."""

import pytest

from bus.topics.batches import MOST_RECORDS, batches


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({}, []),
        ({"a": 2, "b": 3}, [["a", "b"]]),
        ({"a": 2, "b": 3, "c": 1}, [["a", "b"], ["c"]]),
        ({"a": 1, "huge": 9, "c": 1}, [["a"], ["huge"], ["c"]]),
        ({"huge": 9}, [["huge"]]),
        ({"a": 0, "b": 5, "c": 0}, [["a", "b", "c"]]),
    ],
)
def test_a_call_has_no_more_than_it_takes(records: dict[str, int], expected: list[list[str]]) -> None:
    assert list(batches(records, 5)) == expected


def test_a_site_of_five_hundred_topics_is_one_call() -> None:
    assert len(list(batches({f"t{number}": 1 + 3 + 2 for number in range(500)}, MOST_RECORDS))) == 1
