"""What a registry answers beyond what is asked of it, or in the place of it, by toy servers on loopback."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bus.image_digest import digest_of
from bus.images.copy.copying import Copying
from bus.images.copy.layout import Layout
from bus.images.manifests import IMAGE, INDEX
from bus.images.registry.client import NoRegistry, Registry, RegistryError
from bus.images.registry.registries import ImageLocation
from tests.support.toys import Answering, Asked, Toy, toy

MIB = 1 << 20
HTML = b"<!DOCTYPE html><title>Log in</title>"


@pytest.fixture
def server() -> Iterator[Toy]:
    with toy() as server:
        yield server


@pytest.fixture
def client(server: Toy) -> Iterator[Registry]:
    with closing(Registry(server.host, insecure=True, cut_seconds=5)) as made:
        yield made


def body(size: int = 0, kind: str = IMAGE, **more: object) -> bytes:
    """A manifest of about `size` bytes."""
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "annotations": {"x": "y" * size}, **more}).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (body(3 * MIB), ""),
        (body(5 * MIB), r"a manifest of \d+ bytes; 4194304 is all that one has"),
        (body(7 * MIB, INDEX, manifests=[]), ""),
        (body(9 * MIB, INDEX, manifests=[]), "answered more than 8388608 bytes"),
    ],
)
def test_a_manifest_has_4_mib_and_an_index_8(server: Toy, client: Registry, content: bytes, said: str) -> None:
    server.answer = lambda _: (200, {"Content-Type": json.loads(content)["mediaType"]}, content)
    if not said:
        assert client.manifest("a", "1").content == content
        return
    with pytest.raises(NoRegistry, match=said):
        client.manifest("a", "1")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-gzip"])
def test_nothing_compressed_is_asked_for_or_taken(server: Toy, client: Registry, coding: str) -> None:
    content = gzip.compress(body(100 * MIB // 8))
    server.answer = lambda _: (200, {"Content-Type": IMAGE, "Content-Encoding": coding}, content)
    for act in (lambda: client.manifest("a", "1"), lambda: client.tags("a"), lambda: list(client.blob("a", "x"))):
        with pytest.raises(NoRegistry, match=f"compressed with {coding}, which nobody asked for"):
            act()
    assert {asked.headers["Accept-Encoding"] for asked in server.asked} == {"identity"}


def test_a_blob_is_not_more_than_its_manifest_says(server: Toy, client: Registry, tmp_path: Path) -> None:
    layer = b"x" * MIB
    entry = {"mediaType": "x", "digest": digest_of(layer), "size": 10}
    content = body(config=entry, layers=[])

    def answer(asked: Asked) -> Answering:
        if "/blobs/" in asked.path:
            return 200, {}, layer
        return (200, {"Content-Type": IMAGE}, content) if asked.path.endswith("/1") else (404, {}, b"")

    server.answer = answer
    with ThreadPoolExecutor(1) as pool, pytest.raises(RegistryError, match="more than the 10 bytes that its manifest"):
        Copying(pool).copy(ImageLocation(client, "a", "1"), ImageLocation(Layout(tmp_path), "a", "1"))


@pytest.mark.parametrize(
    ("headers", "content", "said"),
    [
        ({"Content-Type": "text/html; charset=utf-8"}, HTML, "answered text/html.* is the host right"),
        ({"Content-Type": "application/json"}, HTML, "is the host right, and is there a login page or a proxy"),
        ({"Content-Type": "application/json"}, b'{"status": "ok"}', "as no registry does"),
        ({"Content-Type": IMAGE}, b"[]", "as no registry does"),
        ({}, b"", "content of no type"),
        ({"Content-Type": "application/json"}, b"[" * 100_000, "as no registry does"),
        ({}, b'{"schemaVersion": 1, "fsLayers": []}', "is of Docker's schema 1"),
    ],
)
def test_what_is_no_manifest_is_said_clearly(
    server: Toy, client: Registry, headers: dict[str, str], content: bytes, said: str
) -> None:
    server.answer = lambda _: (200, headers, content)
    for act in (lambda: client.manifest("a", "1"), lambda: client.digest("a", "1")):
        with pytest.raises(RegistryError, match=said):
            act()


def test_a_login_page_that_a_redirect_leads_to_is_named(server: Toy, client: Registry) -> None:
    page = {"Content-Type": "text/html"}
    server.answer = lambda asked: (200, page, HTML) if asked.path == "/login" else (302, {"Location": "/login"}, b"")
    for act in (lambda: client.digest("a", "1"), lambda: client.tags("a"), lambda: client.has("blobs", "a", "x")):
        with pytest.raises(NoRegistry, match=f"http://{server.host}/login answered text/html"):
            act()


def test_a_digest_header_that_is_none_is_not_believed(server: Toy, client: Registry) -> None:
    content = body()
    server.answer = lambda _: (200, {"Content-Type": IMAGE, "Docker-Content-Digest": "sha256:../x"}, content)
    assert client.digest("a", "1") == digest_of(content)


def test_a_manifest_without_a_type_of_its_own_gets_that_of_its_content(server: Toy, client: Registry) -> None:
    kinds = {b'{"schemaVersion": 2, "manifests": []}': INDEX, b'{"schemaVersion": 2}': IMAGE}
    contents = iter(kinds)
    server.answer = lambda _: (200, {"Content-Type": "application/json"}, next(contents))
    assert [client.manifest("a", "1").media_type for _ in kinds] == list(kinds.values())


def test_an_upload_that_begins_nowhere_is_told(server: Toy, client: Registry) -> None:
    server.answer = lambda _: (202, {}, b"")
    with pytest.raises(NoRegistry, match="began an upload and did not say where"):
        client.put_blob("a", digest_of(b"x"), 1, iter([b"x"]))


def test_a_list_of_referrers_in_pages_is_read_to_its_end(server: Toy, client: Registry) -> None:
    entries = [{"digest": digest_of(bytes([number])), "size": 1} for number in range(3)]

    def answer(asked: Asked) -> Answering:
        page = int(asked.path.partition("page=")[2] or 0)
        link = {"Link": f'</v2/a/referrers/x?page={page + 1}>; rel="next"'} if page < 2 else {}
        return 200, {"Content-Type": INDEX, **link}, body(kind=INDEX, manifests=[entries[page]])

    server.answer = answer
    assert client.referrers("a", "x") == entries
    endless = {"Content-Type": INDEX, "Link": '</v2/a/referrers/x>; rel="next"'}
    server.answer = lambda _: (200, endless, body(kind=INDEX, manifests=[]))
    with pytest.raises(NoRegistry, match="more than 20 pages"):
        client.referrers("a", "x")


def test_a_reference_of_a_list_that_is_no_digest_is_refused(server: Toy, client: Registry) -> None:
    entry = {"digest": "sha256:../../x", "size": 1}
    server.answer = lambda _: (200, {"Content-Type": INDEX}, body(kind=INDEX, manifests=[entry]))
    with pytest.raises(RegistryError, match="is no digest"):
        client.referrers("a", "x")


def test_many_tags_are_read_and_no_more_than_a_limit(server: Toy, client: Registry) -> None:
    server.answer = lambda _: (200, {}, json.dumps({"tags": ["1", 2, "3"]}).encode())
    assert client.tags("a") == frozenset({"1", "3"})
    server.answer = lambda _: (200, {}, b'{"tags": null}')
    assert client.tags("a") == frozenset()
    server.answer = lambda _: (200, {}, json.dumps({"tags": ["x" * MIB] * 9}).encode())
    with pytest.raises(NoRegistry, match="more than 8388608 bytes"):
        client.tags("a")
