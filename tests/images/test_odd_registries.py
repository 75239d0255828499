"""Registries that answer optional calls in their own way: Harbor's refusals, GitLab's tags. Toy servers on loopback."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from bus.images.copy.copying import Copying
from bus.images.manifests import IMAGE, INDEX, referrers_tag
from bus.images.registry.client import NoAnswer, Registry
from bus.images.registry.registries import ImageLocation
from tests.support.stores import Store
from tests.support.toys import Toy, toy


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
        return Copying(pool).copy(ImageLocation(near, "a", "1"), ImageLocation(far, "a", "1")).referrers


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
