"""The cache is keyed by what decides its content."""

from pathlib import Path

from sandbox.places import key


def file(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    return folder / name


def test_the_key_is_of_names_and_contents_not_of_where_the_checkout_is(tmp_path: Path) -> None:
    here, there = file(tmp_path / "here", "lock", "a==1"), file(tmp_path / "there", "lock", "a==1")
    assert key(here) == key(there)
    assert len(key(here)) == 12


def test_another_content_name_or_order_is_another_key(tmp_path: Path) -> None:
    one, two = file(tmp_path, "one", "x"), file(tmp_path, "two", "y")
    keys = {key(one), key(two), key(file(tmp_path, "three", "x")), key(one, two), key(two, one), key()}
    assert len(keys) == 6


def test_a_file_that_changes_changes_the_key(tmp_path: Path) -> None:
    before = key(file(tmp_path, "lock", "a==1"))
    assert key(file(tmp_path, "lock", "a==2")) != before
