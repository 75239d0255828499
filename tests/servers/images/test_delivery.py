"""The resources of images against two real registries: what preview says, what an update moves, what drifts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import CheckResult, ConfigureRequest

from components.providers.copies import ImageCopiesProvider
from components.providers.pins import ImagePinsProvider
from tests.support.processes import free_port
from tests.support.registry import PASSWORD, USER, Maker, Running, registry

pytestmark = pytest.mark.servers
NAMES = ("a", "b", "c")


class Config:
    """What `configure` is given."""

    def __init__(self, **values: str) -> None:
        self._values = values

    def get(self, key: str) -> str | None:
        return self._values.get(key.rsplit(".", 1)[-1])


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Running]:
    with registry(tmp_path / "source") as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Running]:
    with registry(tmp_path / "target", htpasswd=True) as running:
        yield running


@pytest.fixture
def maker(source: Running) -> Iterator[Maker]:
    client = source.client()
    made = Maker(client)
    for name in NAMES:
        made.image(f"isi/{name}", "1", [made.blob(f"isi/{name}", 200_000, "base"), made.blob(f"isi/{name}", 500, name)])
    yield made
    client.close()


def delivery(source: Running, target: Running, *names: str) -> dict[str, Any]:
    return {
        "images": {f"dkr.isi.nc/isi/{name}:1": f"{target.host}/client/isi/{name}:1" for name in names},
        "insecure": True,
        "sourceInsecure": True,
        "sourceMirror": source.host,
        "platforms": [],
        "copiedBytes": None,
        "digests": None,
    }


def provider(username: str = USER, password: str = PASSWORD) -> ImageCopiesProvider:
    made = ImageCopiesProvider()
    made.configure(ConfigureRequest(Config(username=username, password=password)))  # type: ignore[arg-type]
    return made


def judged(provider: Any, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    checked: CheckResult = provider.check(olds, news)
    assert [failure.reason for failure in checked.failures] == []
    return dict(checked.inputs)


def test_a_delivery_is_done_once_and_then_there_is_nothing_to_do(
    source: Running, target: Running, maker: Maker, capfd: pytest.CaptureFixture[str]
) -> None:
    copies = provider()
    wanted = judged(copies, {}, delivery(source, target, *NAMES))
    made = copies.create(wanted).outs
    assert made and 200_000 < made["copiedBytes"] < 210_000, "the layer of all three is sent once"
    assert "3 of 3 images" in capfd.readouterr().err
    again = judged(copies, made, delivery(source, target, *NAMES))
    assert not copies.diff("", made, again).changes
    assert copies.update("", made, again).outs["copiedBytes"] == 0  # type: ignore[index]
    read = copies.read("", made)
    assert read.outs and not copies.diff("", read.outs, again).changes


@pytest.mark.parametrize("lost", [Path.unlink, lambda link: link.write_text("")], ids=["gone", "empty"])
def test_an_image_that_the_customer_lost_comes_back(
    source: Running, target: Running, maker: Maker, lost: Callable[[Path], object]
) -> None:
    copies = provider()
    wanted = judged(copies, {}, delivery(source, target, "a", "b"))
    made = copies.create(wanted).outs or {}
    for link in (target.folder / "docker/registry/v2/repositories/client/isi/a/_manifests").rglob("link"):
        lost(link)
    seen = copies.read("", made).outs or {}
    assert set(seen["digests"]) == {"dkr.isi.nc/isi/b:1"}
    assert copies.diff("", seen, wanted).changes
    copies.update("", seen, wanted)
    assert (copies.read("", made).outs or {})["digests"] == wanted["digests"]


def test_a_tag_that_moved_is_a_change_and_its_new_image_is_delivered(
    source: Running, target: Running, maker: Maker
) -> None:
    copies = provider()
    before = copies.create(judged(copies, {}, delivery(source, target, "a"))).outs or {}
    moved = maker.image("isi/a", "1", [maker.blob("isi/a", 700, "another")])
    after = judged(copies, before, delivery(source, target, "a"))
    assert after["digests"] == {"dkr.isi.nc/isi/a:1": moved.digest}
    assert copies.diff("", before, after).changes
    copies.update("", before, after)
    assert (copies.read("", after).outs or {})["digests"] == after["digests"]


def test_what_can_be_delivered_is_and_the_rest_is_named(source: Running, target: Running, maker: Maker) -> None:
    copies = provider()
    wanted = judged(copies, {}, delivery(source, target, *NAMES))
    lost = wanted["digests"]["dkr.isi.nc/isi/b:1"]
    wanted["digests"]["dkr.isi.nc/isi/b:1"] = lost[:-4] + "0000"
    with pytest.raises(ValueError, match="not delivered") as failed:
        copies.create(wanted)
    assert "dkr.isi.nc/isi/b:1: " in str(failed.value) and "isi/a" not in str(failed.value)
    assert set((copies.read("", wanted).outs or {})["digests"]) == {"dkr.isi.nc/isi/a:1", "dkr.isi.nc/isi/c:1"}


def test_wrong_credentials_are_said_without_showing_them(source: Running, target: Running, maker: Maker) -> None:
    copies = provider(password="not-this-one")
    with pytest.raises(ValueError, match=r"access refused \(401\).*bus:delivery.username") as refused:
        copies.create(judged(copies, {}, delivery(source, target, "a")))
    assert "not-this-one" not in str(refused.value)


def test_a_missing_image_is_refused_at_preview(source: Running, target: Running, maker: Maker) -> None:
    wanted = delivery(source, target, "a", "nowhere")
    for one, props in ((provider(), wanted), (ImagePinsProvider(), pins(source.host, "a", "nowhere"))):
        failures = one.check({}, props).failures
        assert [failure.reason for failure in failures] == [
            "dkr.isi.nc/isi/nowhere:1 does not exist in its registry; push it first"
        ]


def pins(mirror: str, *names: str) -> dict[str, Any]:
    images = [f"dkr.isi.nc/isi/{name}:1" for name in names]
    return {"images": images, "mirror": mirror, "insecure": True, "digests": None}


def test_a_moved_tag_is_said_and_shown_as_a_change(
    source: Running, maker: Maker, capfd: pytest.CaptureFixture[str]
) -> None:
    looking = ImagePinsProvider()
    before = judged(looking, {}, pins(source.host, *NAMES))
    assert not looking.diff("", before, judged(looking, before, pins(source.host, *NAMES))).changes
    moved = maker.image("isi/b", "1", [maker.blob("isi/b", 10, "x")])
    after = judged(looking, before, pins(source.host, *NAMES))
    assert looking.diff("", before, after).changes
    assert (
        f"dkr.isi.nc/isi/b:1 was {before['digests']['dkr.isi.nc/isi/b:1']} and is {moved.digest}"
        in capfd.readouterr().err
    )


def test_a_registry_that_does_not_answer_is_one_warning_and_the_digests_of_before_are_kept(
    source: Running, maker: Maker, capfd: pytest.CaptureFixture[str]
) -> None:
    looking = ImagePinsProvider()
    before = judged(looking, {}, pins(source.host, *NAMES))
    gone = judged(looking, before, pins(f"127.0.0.1:{free_port()}", *NAMES))
    assert gone["digests"] == before["digests"]
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1 and "dkr.isi.nc/isi/a:1 and 2 more cannot be verified" in said[0]


def test_a_registry_that_wants_a_login_is_a_warning_too(
    target: Running, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    found = judged(ImagePinsProvider(), {}, pins(target.host, "a", "b"))
    assert found["digests"] == {}
    (said,) = capfd.readouterr().err.splitlines()
    assert "dkr.isi.nc/isi/a:1 and 1 more cannot be verified" in said and "access refused (401)" in said
