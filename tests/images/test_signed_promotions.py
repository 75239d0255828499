"""A promotion and a bundle take signed images alone, where the target's stack file says so."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.bundle import making
from bus.bundle.archive import BadBundle
from bus.cli import promote
from bus.config.stack_file import Verify, VerifyKey
from bus.image_reference import parse
from bus.images.delivered import proof
from bus.images.promotion.pins import Pin
from bus.images.promotion.plan import Row
from bus.images.registry.lookup import Found
from bus.images.registry.registries import Access
from bus.images.signatures.cosign import Key, Policy
from tests.support.bundled import plan_of
from tests.support.signing import Signer
from tests.support.stores import Store
from tests.support.toys import toy

MINE = Signer()


def test_a_promotion_names_every_image_that_is_not_signed(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store()
    digests = [str(store.put(tag=tag, config=store.blob(tag.encode()), layers=[])["digest"]) for tag in "123"]
    MINE.bundle(store, digests[0])
    with ExitStack() as stack:
        server = stack.enter_context(toy(store.answer))
        pins = [Pin(parse(f"{server.host}/a:{tag}@{digest}")) for tag, digest in zip("123", digests, strict=True)]
        rows = [Row(f"brick{number}", pin, pin, "moves") for number, pin in enumerate(pins)]
        wanted = Policy((Key(MINE.pem),))
        wrong = promote._wrong(rows, Access(insecure=True), wanted)
        assert sorted(line.split(":")[0] for line in wrong) == ["brick1", "brick2"]
        assert all("is not signed" in line for line in wrong)
        assert promote._wrong(rows, Access(insecure=True), replace(wanted, require=False)) == []
        assert "warning: brick" in capsys.readouterr().err
        assert promote._wrong(rows, Access(insecure=True)) == []


def test_a_bundle_has_signed_images_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = plan_of()
    images = plan.settings.stack_file.images.model_copy(update={"verify": load_verify(MINE.pem)})
    content = plan.settings.stack_file.model_copy(update={"images": images})
    plan = replace(plan, settings=replace(plan.settings, stack_file=content))
    digest = "sha256:" + "a" * 64

    def looked_up(wanted: Any, _: object) -> Found:
        return Found(digests=dict.fromkeys(wanted, digest))

    monkeypatch.setattr(proof, "check", lambda *_: None)
    monkeypatch.setattr(making, "look_up", looked_up)
    with toy() as server, pytest.raises(BadBundle) as refused:
        making.make(tmp_path, plan, tmp_path / "x.tar", Access(server.host, insecure=True))
    lines = str(refused.value).splitlines()
    assert len(lines) > 10 and all("is not signed" in line for line in lines)
    assert not (tmp_path / "x.tar").exists()


def load_verify(pem: str) -> Any:
    """The key of a stack file that verifies with one key."""
    return Verify(keys=(VerifyKey(key=pem),))
