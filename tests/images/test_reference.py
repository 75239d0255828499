"""Image references, as imagehelper writes them."""

import pytest

from bus.image_reference import Reference, from_values, is_tag, parse, pulled

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


READ = [
    ("host:5000/team/isi/x:1", "host:5000", "team/isi/x"),
    (f"dkr.isi.nc/isi/x@{DIGEST}", "dkr.isi.nc", "isi/x"),
    ("localhost/x:latest", "localhost", "x"),
    ("Registry/x:1", "Registry", "x"),
    ("192.168.1.1/repo:5050", "192.168.1.1", "repo"),
    ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo"),
    ("[::1]/repo:tag", "[::1]", "repo"),
    ("xn--n3h.com/my__image/a---b.c_d:xn--n3h.com", "xn--n3h.com", "my__image/a---b.c_d"),
    ("a.b/x:_" + "t" * 127, "a.b", "x"),
    ("a.b/" + "p" * 255 + ":1", "a.b", "p" * 255),
    ("docker.io/redis:7", "docker.io", "library/redis"),
    ("docker.io/grafana/grafana:12", "docker.io", "grafana/grafana"),
]


@pytest.mark.parametrize(("text", "host", "path"), READ, ids=[text[:40] for text, *_ in READ])
def test_a_reference_is_read_as_it_is_written(text: str, host: str, path: str) -> None:
    assert (str(parse(text)), parse(text).host, parse(text).path) == (text, host, path)


@pytest.mark.parametrize(
    "text",
    [
        "", "::1/x:1", "a.b/x", ":1", f"@{DIGEST}", "a.b/X:1", "a.b//x:1", "a.b/x/:1", "a.b/x..y:1", "a.b/x_.y:1",
        "a.b/-x:1", "a.b/x-:1", "a.b/x___y:1", "-a.b/x:1", "a..b/x:1", "a.b:port/x:1", "a_b.c/x:1", "a.b/x:é",
        "a.b/x:٣", "a.b/x:-1", "a.b/x:" + "t" * 129, "a.b/" + "p" * 256 + ":1", "https://a.b/x:1", "a.b/x:1\n",
        " a.b/x:1", "a.b/x@sha256:ab", "a.b/x@sha512:" + "a" * 128, f"a.b/x@{DIGEST}:1", "[fe80::1%eth0]/x:1",
    ],
)  # fmt: skip
def test_what_no_registry_would_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no image reference"):
        parse(text)


@pytest.mark.parametrize("text", ["grafana/grafana:12", "h/x:latest", f"a/b/c@{DIGEST}"])
def test_a_user_of_docker_hub_is_not_taken_for_a_registry(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text}' names no registry.*write docker.io/{text} if so"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("alpine", "docker.io/alpine:latest"),
        ("redis:7", "docker.io/redis:7"),
        (f"redis:7@{DIGEST}", f"docker.io/redis:7@{DIGEST}"),
        ("library/redis:7", "docker.io/library/redis:7"),
        ("grafana/grafana", "docker.io/grafana/grafana:latest"),
        ("index.docker.io/a/b:1", "docker.io/a/b:1"),
        ("a.b", "docker.io/a.b:latest"),
        ("quay.io/a/b", "quay.io/a/b:latest"),
        ("localhost/b:1", "localhost/b:1"),
        ("host:5000/b", "host:5000/b:latest"),
        ("[::1]:5000/b", "[::1]:5000/b:latest"),
    ],
)
def test_what_nodes_pull_has_dockers_defaults(text: str, whole: str) -> None:
    assert pulled(text).pinned == whole


@pytest.mark.parametrize("text", ["", ":latest", "Redis:7", "a b", "repo:5000/", "-x"])
def test_what_nodes_would_not_pull_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no image reference"):
        pulled(text)


@pytest.mark.parametrize("text", ["a.b/x:1", f"a.b/x@{DIGEST}", f"a.b/x:1@{DIGEST}"])
def test_pinned_is_read_back_as_it_is(text: str) -> None:
    """A digest needs no tag beside it, and a tag no digest."""
    assert parse(text).pinned == text
    assert parse(parse(text).pinned) == parse(text)


def test_an_image_without_a_tag_is_asked_for_by_its_digest() -> None:
    image = from_values({"repository": "a.b", "name": "x", "digest": DIGEST})
    assert (str(image), image.pinned, image.version) == (f"a.b/x@{DIGEST}", f"a.b/x@{DIGEST}", DIGEST)
    assert pulled(f"redis@{DIGEST}").pinned == f"docker.io/redis@{DIGEST}"


def test_a_tag_is_what_a_registry_takes_as_one() -> None:
    assert is_tag("1.0_a-B") and is_tag("t" * 128)
    assert not [text for text in ("", "-a", ".a", "a b", "é", "t" * 129, "a\n") if is_tag(text)]
