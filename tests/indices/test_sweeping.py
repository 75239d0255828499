"""In which order documents are looked through for those that were deleted."""

from bus.indices.reindex.sweep import Window, newest_and_oldest_first


def test_every_document_is_in_one_window_the_newest_and_the_oldest_first() -> None:
    windows = newest_and_oldest_first({"0": 120_000, "1": 0, "2": -1})
    assert windows == [
        Window("0", 99_999, 120_000),
        Window("1", -1, 0),
        Window("0", -1, 49_999),
        Window("0", 49_999, 99_999),
    ]
    assert windows[0].query == {"range": {"_seq_no": {"gt": 99_999, "lte": 120_000}}}


def test_what_has_no_end_is_asked_for_without_one() -> None:
    assert Window("0", 7).query == {"range": {"_seq_no": {"gt": 7}}}
