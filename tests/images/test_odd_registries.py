"""Registries that answer optional calls in their own way: Harbor's refusals, GitLab's tags. Toy servers on loopback."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest

from bus.images.copying import Copying
from bus.images.digests import digest_of
from bus.images.manifests import IMAGE, INDEX, referrers_tag
from bus.images.registries import Place
from bus.images.registry import NoAnswer, Registry
from tests.images.toys import Answering, Asked, Toy, toy


class Store:
    """A registry of manifests and blobs in memory; `referrers` is what it answers to the call of that name."""

    def __init__(self, referrers: Answering = (404, {}, b""), gitlab: bool = False, tags: int = 0) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self._referrers, self._gitlab, self._tags = referrers, gitlab, tags

    def put(self, kind: str = IMAGE, tag: str = "", **described: Any) -> dict[str, Any]:
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **described}).encode()
        self.manifests[digest_of(content)] = content
        if tag:
            self.manifests[tag] = content
        return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}

    def blob(self, content: bytes) -> dict[str, Any]:
        self.blobs[digest_of(content)] = content
        return {"mediaType": "x", "digest": digest_of(content), "size": len(content)}

    def answer(self, asked: Asked) -> Answering:
        path, _, last = asked.path.rpartition("/")
        if "/referrers/" in asked.path:
            return self._referrers
        if "/tags/" in asked.path:
            tags = [tag for tag in self.manifests if ":" not in tag] + [f"t{n}" for n in range(self._tags)]
            return 200, {}, json.dumps({"tags": tags[:100]}).encode()
        if asked.method == "POST":
            return 202, {"Location": "/v2/a/blobs/uploads/1"}, b""
        if asked.method == "PUT":
            if "uploads" in path:
                self.blob(asked.body)
            else:
                self.manifests |= {last: asked.body, digest_of(asked.body): asked.body}
            return 201, {}, b""
        if self._gitlab and last.startswith("sha256-") and len(last) == 71:
            last = last.replace("-", ":")
        content = (self.blobs if path.endswith("blobs") else self.manifests).get(last)
        if content is None:
            return 404, {}, b""
        kind = json.loads(content)["mediaType"] if path.endswith("manifests") else "application/octet-stream"
        return 200, {"Content-Type": kind, "Docker-Content-Digest": digest_of(content)}, content


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serve(stack: ExitStack, store: Store) -> tuple[Toy, Registry]:
    server = stack.enter_context(toy(store.answer))
    return server, stack.enter_context(closing(Registry(server.host, insecure=True)))


def copied(stack: ExitStack, source: Store, target: Store) -> int:
    """How many referrers come along with a:1."""
    near, far = serve(stack, source)[1], serve(stack, target)[1]
    with ThreadPoolExecutor(2) as pool:
        return Copying(pool).copy(Place(near, "a", "1"), Place(far, "a", "1")).referrers


def signed(store: Store) -> str:
    """Image a:1 with a signature under the tag that lists what refers to it."""
    subject = store.put(tag="1", config=store.blob(b"{}"), layers=[])
    signature = store.put(config=store.blob(b"{}"), layers=[store.blob(b"sig")], subject=subject)
    store.put(INDEX, referrers_tag(subject["digest"]), manifests=[signature])
    return str(signature["digest"])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 410, 415, 422, 501])
def test_a_registry_that_refuses_to_list_referrers_is_asked_for_their_tag(stack: ExitStack, status: int) -> None:
    headers = {"WWW-Authenticate": 'Basic realm="harbor"'} if status == 401 else {}
    source, target = Store((status, headers, b'{"errors": []}')), Store((status, headers, b""))
    signature = signed(source)
    assert copied(stack, source, target) == 1
    assert signature in target.manifests


@pytest.mark.parametrize("answer", [("application/json", b"{}"), (IMAGE, b'{"schemaVersion": 2}')])
def test_an_answer_that_is_no_list_of_referrers_is_none(stack: ExitStack, answer: tuple[str, bytes]) -> None:
    source, target = Store((200, {"Content-Type": answer[0]}, answer[1])), Store()
    signed(source)
    assert copied(stack, source, target) == 1


def test_a_registry_that_is_overloaded_is_no_refusal(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    source = Store((503, {}, b""))
    signed(source)
    with pytest.raises(NoAnswer, match="status 503"):
        copied(stack, source, Store())


@pytest.mark.parametrize("tags", [0, 150])
def test_gitlabs_tag_for_a_digest_is_no_list_of_referrers(stack: ExitStack, tags: int) -> None:
    """With 100 tags or more the list of tags does not say whether the tag is there, so that it is asked for."""
    source, target = Store(gitlab=True, tags=tags), Store()
    parts = [source.put(config=source.blob(cpu.encode()), layers=[]) for cpu in ("amd64", "arm64")]
    top = source.put(INDEX, "1", manifests=parts)
    assert copied(stack, source, target) == 0
    assert target.manifests.keys() == {"1", top["digest"], *(part["digest"] for part in parts)}


def test_a_tag_of_referrers_that_is_an_image_is_no_list_of_them(stack: ExitStack) -> None:
    source, target = Store(), Store()
    subject = source.put(tag="1", config=source.blob(b"{}"), layers=[])
    source.put(tag=referrers_tag(subject["digest"]), config=source.blob(b"other"), layers=[])
    assert copied(stack, source, target) == 0
    assert target.manifests.keys() == {"1", subject["digest"]}
