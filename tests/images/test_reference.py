"""Image references, as imagehelper writes them."""

import pytest

from bus.images.reference import Reference, from_values, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "text", "relocated"),
    [
        ({"repository": "dkr.isi.nc", "name": "isi/x", "tag": "1"}, "dkr.isi.nc/isi/x:1", "reg.client/isi/x:1"),
        (
            {"repository": "dkr.isi.nc", "name": "isi/x", "tag": "1", "digest": DIGEST},
            f"dkr.isi.nc/isi/x@{DIGEST}",
            f"reg.client/isi/x@{DIGEST}",
        ),
        ({"repository": "host:5000/team", "name": "x", "tag": "1"}, "host:5000/team/x:1", "reg.client/x:1"),
    ],
)
def test_a_digest_wins_and_the_whole_repository_is_replaced(image: dict[str, str], text: str, relocated: str) -> None:
    reference = from_values(image)
    assert str(reference) == text
    assert str(reference.relocated("reg.client")) == relocated
    assert reference.relocated("") is reference


def test_host_and_path_are_those_of_the_api() -> None:
    reference = Reference("host:5000/team", "isi/x", "1")
    assert (reference.host, reference.path, reference.version) == ("host:5000", "team/isi/x", "1")


@pytest.mark.parametrize("text", ["host:5000/team/isi/x:1", f"dkr.isi.nc/isi/x@{DIGEST}", "h/x:latest"])
def test_a_reference_is_read_as_it_is_written(text: str) -> None:
    assert str(parse(text)) == text
