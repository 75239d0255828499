"""Real signatures, made by cosign itself and recorded (cosign/README.md): those of the key pass, all others do not."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bus.image_digest import digest_of
from bus.images.registry.lookup import look_up
from bus.images.registry.registries import Access, Registries
from bus.images.signatures import verifying
from bus.images.signatures.cosign import Key, Policy
from tests.support.stores import Store
from tests.support.toys import toy

HERE = Path(__file__).parent / "cosign"
RECORDED = json.loads((HERE / "recorded.json").read_text())
MINE, OTHER = ((HERE / name).read_text() for name in ("cosign.pub", "other.pub"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def store(name: str) -> Store:
    made = Store()
    made.manifests = {version: content.encode() for version, content in RECORDED[name]["manifests"].items()}
    made.blobs = {digest: content.encode("latin-1") for digest, content in RECORDED[name]["blobs"].items()}
    return made


def why(stack: ExitStack, name: str, pem: str, tag: str = "1") -> str:
    """Why an image is not signed by a key; empty where it is."""
    server = stack.enter_context(toy(store(name).answer))
    with Registries(Access(insecure=True)) as registries:
        found = look_up([f"{server.host}/{name}:{tag}"], registries)
        assert found.digests
        return "".join(verifying.unsigned(found, registries, Policy((Key(pem),))).values())


@pytest.mark.parametrize("name", ["simple/image", "simple/index", "bundle/image", "bundle/index"])
def test_what_cosign_has_signed_with_the_key_passes(stack: ExitStack, name: str) -> None:
    assert why(stack, name, MINE) == ""
    assert "is wrongly signed: none of its 1 signature(s)" in why(stack, name, OTHER)


@pytest.mark.parametrize("name", ["simple/other", "bundle/other"])
def test_what_cosign_has_signed_with_another_key_does_not(stack: ExitStack, name: str) -> None:
    assert "is wrongly signed: none of its 1 signature(s)" in why(stack, name, MINE)
    assert why(stack, name, OTHER) == ""


@pytest.mark.parametrize("name", ["simple/index", "bundle/index"])
def test_a_platform_of_a_signed_index_has_no_signature_of_its_own(stack: ExitStack, name: str) -> None:
    assert "is not signed" in why(stack, name, MINE, "amd64")


def test_an_sbom_that_the_key_has_attested_is_no_signature(stack: ExitStack) -> None:
    assert RECORDED["bundle/attested"]["blobs"]
    assert "signed" in why(stack, "bundle/attested", MINE)


@pytest.mark.parametrize("name", ["simple/image", "bundle/image"])
def test_no_byte_of_what_was_signed_can_be_changed(stack: ExitStack, name: str) -> None:
    """The signature of one image, put beside another: its digest is in what was signed."""
    changed = store(name)
    top = changed.manifests["1"]
    other = json.dumps(json.loads(top) | {"annotations": {"x": "y"}}).encode()
    old, new = digest_of(top), digest_of(other)
    changed.manifests |= {"1": other, new: other}
    for tag in [tag for tag in changed.manifests if tag.startswith("sha256-")]:
        changed.manifests[tag.replace(old[7:], new[7:])] = changed.manifests[tag]
    server = stack.enter_context(toy(changed.answer))
    with Registries(Access(insecure=True)) as registries:
        found = look_up([f"{server.host}/{name}:1"], registries)
        assert list(found.digests.values()) == [new]
        (said,) = verifying.unsigned(found, registries, Policy((Key(MINE, name="k"),))).values()
    assert said == f"is wrongly signed: k signed {old}, and it is {new}"
