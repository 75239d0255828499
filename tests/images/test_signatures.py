"""Whose signature an image has: both formats of cosign, wrong keys, other images, and what is no signature at all."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bus.config.stack_file import Images
from bus.errors import InvalidInput
from bus.image_digest import digest_of
from bus.image_reference import parse
from bus.images.manifests import INDEX, referrers_tag
from bus.images.registry.lookup import look_up
from bus.images.registry.registries import Access, Registries
from bus.images.signatures import verifying
from bus.images.signatures.cosign import BadKey, Key, Policy, Signature, check_key, judge, signed_digest, simple
from bus.plan import build
from components.providers.copies import ImageCopiesProvider
from components.providers.pins import ImagePinsProvider
from tests.support.signing import SIGN, STATEMENT, Signer
from tests.support.stacks import ROOT
from tests.support.stores import Store
from tests.support.toys import toy
from tests.support.trusted import loaded

MINE, THEIRS = Signer(), Signer()
OTHER = "sha256:" + "b" * 64


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def image(store: Store) -> str:
    """An image a:1 and its digest."""
    return str(store.put(tag="1", config=store.blob(b"{}"), layers=[])["digest"])


def policy(*signers: Signer, **more: Any) -> Policy:
    return Policy(tuple(Key(signer.pem, name=f"{number}.pub") for number, signer in enumerate(signers)), **more)


def why(stack: ExitStack, store: Store, wanted: Policy) -> str:
    """Why a:1 is not signed as wanted; empty where it is."""
    server = stack.enter_context(toy(store.answer))
    with Registries(Access(insecure=True)) as registries:
        named = f"{server.host}/a:1"
        return verifying.unsigned(look_up([named], registries), registries, wanted).get(named, "")


@pytest.mark.parametrize("form", ["simple", "bundle"])
@pytest.mark.parametrize("kind", ["ecdsa", "ed25519", "rsa"])
def test_an_image_that_the_key_has_signed_passes(stack: ExitStack, kind: str, form: str) -> None:
    store, signer = Store(), Signer(kind)
    getattr(signer, form)(store, image(store))
    assert why(stack, store, policy(signer)) == ""
    assert why(stack, store, policy(THEIRS, signer)) == "", "any of the keys"
    assert "is wrongly signed: none of its 1 signature(s) is by 0.pub" in why(stack, store, policy(THEIRS))


@pytest.mark.parametrize("form", ["simple", "bundle"])
def test_a_signature_of_another_image_is_none_of_this_one(stack: ExitStack, form: str) -> None:
    store = Store()
    digest = image(store)
    getattr(MINE, form)(store, digest, of=OTHER)
    assert why(stack, store, policy(MINE)) == f"is wrongly signed: 0.pub signed {OTHER}, and it is {digest}"


@pytest.mark.parametrize("form", ["simple", "bundle"])
def test_a_signature_of_an_index_covers_its_platforms_and_not_the_other_way_round(stack: ExitStack, form: str) -> None:
    store = Store()
    parts = [store.put(config=store.blob(cpu.encode()), layers=[]) for cpu in ("amd64", "arm64")]
    index = store.put(INDEX, "1", manifests=parts)
    getattr(MINE, form)(store, parts[0]["digest"])
    assert "is not signed" in why(stack, store, policy(MINE))
    getattr(MINE, form)(store, index["digest"])
    assert why(stack, store, policy(MINE)) == ""


def test_an_image_without_a_signature_is_named(stack: ExitStack) -> None:
    store = Store()
    digest = image(store)
    assert f"is not signed: its registry has no signature of {digest}" in why(stack, store, policy(MINE))


BROKEN: list[Callable[[Store, str], None]] = [
    lambda store, digest: MINE.bundle(store, digest, predicateType="https://spdx.dev/Document"),
    lambda store, digest: MINE.bundle(store, digest, predicateType="https://slsa.dev/provenance/v1"),
    lambda store, digest: MINE.bundle(store, digest, kind="text/plain"),
    lambda store, digest: MINE.bundle(store, digest, subject=[]),
    lambda store, digest: MINE.bundle(store, digest, subject=[{"digest": {"sha256": digest[7:]}}] * 2),
    lambda store, digest: MINE.bundle(store, digest, subject=[{"digest": {"sha1": digest[7:]}}]),
    lambda store, digest: MINE.bundle(store, digest, subject="x"),
    lambda store, digest: MINE.simple(store, digest, type="atomic container signature"),
    lambda store, digest: MINE.simple(store, digest, image={}),
    lambda store, digest: MINE.simple(store, digest, image={"docker-manifest-digest": ["x"]}),
    lambda store, digest: MINE.simple(store, digest, image=None),
]


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_what_the_key_has_signed_and_is_no_signature_of_an_image_is_none(
    stack: ExitStack, broken: Callable[[Store, str], None]
) -> None:
    store = Store()
    broken(store, image(store))
    assert "is wrongly signed" in why(stack, store, policy(MINE))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"dsseEnvelope": 7}', b"[" * 100_000, b'{"dsseEnvelope": {}}']
)
def test_content_of_anything_else_is_no_signature(content: bytes) -> None:
    for signature in (
        Signature("bundle", content),
        simple(content, None),
        simple(content, "no base64!"),
        simple(content, 7),
        simple(content, ""),
        Signature("simple", content, MINE.sign(content)),
    ):
        assert signed_digest(signature, MINE.pem) == ""


def test_a_changed_byte_is_a_wrong_signature() -> None:
    content = json.dumps({"critical": {"image": {"docker-manifest-digest": OTHER}, "type": SIGN}}).encode()
    good = Signature("simple", content, MINE.sign(content))
    assert signed_digest(good, MINE.pem) == OTHER
    for bad in (
        Signature("simple", content.replace(b"bbbb", b"bbbc", 1), good.signature),
        Signature("simple", content, good.signature[:-1]),
        Signature("simple", content, bytes([*good.signature[:-1], good.signature[-1] ^ 1])),
    ):
        assert signed_digest(bad, MINE.pem) == ""


def test_a_registry_that_gives_another_blob_than_was_signed_is_no_signature(stack: ExitStack) -> None:
    store = Store()
    MINE.simple(store, image(store))
    for digest in store.blobs:
        store.blobs[digest] = store.blobs[digest].replace(b"critical", b"CRITICAL")
    assert "is wrongly signed" in why(stack, store, policy(MINE))


def test_gitlabs_answer_to_the_tag_of_a_digest_is_no_signature(stack: ExitStack) -> None:
    store = Store(gitlab=True)
    image(store)
    assert "is not signed" in why(stack, store, policy(MINE))


def test_a_huge_signature_is_not_read(stack: ExitStack) -> None:
    store = Store()
    MINE.simple(store, image(store), padding="x" * (2 << 20))
    assert "is not signed" in why(stack, store, policy(MINE))


def test_a_key_is_for_the_images_that_it_names_and_some_are_signed_by_nobody() -> None:
    kafka, ui = parse("r.io/sys/kafka:1"), parse("r.io/hickson/ui:1")
    content = json.dumps({"critical": {"image": {"docker-manifest-digest": OTHER}, "type": SIGN}}).encode()
    signed = [Signature("simple", content, MINE.sign(content))]
    wanted = Policy((Key(MINE.pem, ("r.io/hickson/*",), "k"),), exempt=("r.io/public/*",))
    assert judge(ui, OTHER, signed, wanted) == ""
    assert judge(kafka, OTHER, signed, wanted).startswith("no key of bus:images.verify is for it")
    assert judge(parse("r.io/public/redis:7"), OTHER, [], wanted) == ""
    assert Policy.from_props(wanted.to_props()) == wanted
    assert Policy.from_props(None) is None


def test_a_registry_that_cannot_be_asked_is_no_pass(stack: ExitStack) -> None:
    store = Store()
    digest = image(store)
    server = stack.enter_context(toy(store.answer))
    server.answer = lambda asked: (403, {}, b"") if ".sig" in asked.path else store.answer(asked)
    gone = "127.0.0.1:1/a:1"
    with Registries(Access(insecure=True)) as registries:
        found = look_up([f"{server.host}/a:1"], registries)
        found.silent[gone] = "does not answer"
        wrong = verifying.unsigned(found, registries, policy(MINE))
        assert verifying.unsigned(found, registries, policy(MINE, exempt=("127.0.0.1:*",))) == {}
        assert verifying.unsigned(found, registries, None) == {}
    assert found.digests == {f"{server.host}/a:1": digest}
    assert set(wrong) == {f"{server.host}/a:1", gone}
    assert all(line.startswith("cannot be verified: ") for line in wrong.values())


@pytest.mark.parametrize("provider", [ImagePinsProvider, ImageCopiesProvider])
def test_a_preview_and_a_delivery_refuse_every_image_that_is_not_signed_at_once(
    stack: ExitStack, provider: type, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store()
    signed = image(store)
    MINE.bundle(store, signed)
    store.put(tag="2", config=store.blob(b"2"), layers=[])
    THEIRS.simple(store, str(store.put(tag="3", config=store.blob(b"3"), layers=[])["digest"]))
    server = stack.enter_context(toy(store.answer))
    images = [f"{server.host}/a:{tag}" for tag in (1, 2, 3)]
    news: dict[str, Any] = {"images": images, "mirror": "", "insecure": True, "verify": policy(MINE).to_props()}
    if provider is ImageCopiesProvider:
        news |= {"images": {one: one for one in images}, "sourceMirror": "", "sourceInsecure": True}
    refused = [failure.reason for failure in provider().check({}, news).failures]
    assert [line.split(" ")[0] for line in refused] == images[1:]
    assert "is not signed" in refused[0] and "is wrongly signed" in refused[1]
    news["verify"] = policy(MINE, require=False).to_props()
    assert provider().check({}, news).failures == []
    assert "warning: " + images[2] in capsys.readouterr().err
    news["verify"] = None
    assert provider().check({}, news).failures == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("no/such.pub", "cannot be read"),
        ("-----BEGIN PUBLIC KEY-----\nMFk=\n-----END PUBLIC KEY-----", "is no public key in PEM"),
        (MINE.private, "is a private key: take it out of here"),
        (Signer("p384").pem, "is no key that is verified here: ECDSA P-256"),
        (Signer("rsa1024").pem, "RSA of 2048 bits or more"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_used_is_refused_before_anything_is_asked(text: str, said: str) -> None:
    if text:
        with pytest.raises(InvalidInput) as refused:
            build.plan(ROOT, loaded({"verify": {"keys": [MINE.pem, text]}}))
        (problem,) = refused.value.problems
        assert problem.path == "bus:images.verify.keys[1]" and said in str(problem)
        assert "MFk" not in str(problem) and "MIG" not in str(problem), "no key is shown"
    else:
        with pytest.raises(InvalidInput, match="must not be empty"):
            loaded({"verify": {"keys": [text]}})


def test_keys_are_files_or_stand_in_the_stack_file(tmp_path: Path) -> None:
    (tmp_path / "isi.pub").write_text(MINE.pem)
    keys = ["isi.pub", {"key": THEIRS.pem, "images": ["r.io/*"]}]
    images = loaded({"verify": {"keys": keys}}).stack_file.images
    wanted = verifying.policy(images, tmp_path)
    assert wanted == Policy(
        (Key(MINE.pem, (), "isi.pub"), Key(THEIRS.pem, ("r.io/*",), "bus:images.verify.keys[1]")), require=True
    )
    assert verifying.policy(Images(), tmp_path) is None
    assert verifying.of_config({"bus:images": {"verify": {"keys": ["isi.pub"]}}}, tmp_path) == Policy((wanted.keys[0],))
    assert verifying.of_config({}, tmp_path) is None
    with pytest.raises(BadKey, match="cannot be read"):
        verifying.of_config({"bus:images": {"verify": {"keys": ["gone.pub"]}}}, tmp_path)
    with pytest.raises(BadKey, match="must"):
        verifying.of_config({"bus:images": {"verify": {"keys": 7}}}, tmp_path)
    check_key(MINE.pem)


def test_two_formats_beside_each_other_are_both_read(stack: ExitStack) -> None:
    store = Store()
    digest = image(store)
    THEIRS.simple(store, digest)
    MINE.bundle(store, digest)
    assert why(stack, store, policy(MINE)) == "" == why(stack, store, policy(THEIRS))
    assert STATEMENT and referrers_tag(digest) in store.manifests and digest_of(store.manifests[digest]) == digest
