"""What the stack file and the commands say of single registries, and where plain HTTP may go."""

from pathlib import Path

import pytest

from bus.errors import InvalidInput
from bus.image_reference import parse as image
from bus.images.registry import private, trust
from bus.images.registry.client import Registry
from bus.images.registry.private import Insecure
from bus.images.registry.registries import Access, Registries, sources
from bus.images.registry.trust import Trust
from bus.plan import build
from tests.support.toys import certificate
from tests.support.trusted import loaded

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("host", "resolved", "allowed"),
    [
        ("127.0.0.1:5000", [], True),
        ("127.8.9.1", [], True),
        ("localhost:5000", [], True),
        ("registry.localhost", [], True),
        ("[::1]:5000", [], True),
        ("10.1.2.3", [], True),
        ("172.31.0.1:30500", [], True),
        ("192.168.1.1", [], True),
        ("[fd00::1]", [], True),
        ("[::ffff:10.0.0.1]", [], True),
        ("172.32.0.1", [], False),
        ("8.8.8.8:443", [], False),
        ("169.254.169.254", [], False),
        ("[fe80::1]", [], False),
        ("[2001:db8::1]:5000", [], False),
        ("[::ffff:8.8.8.8]", [], False),
        ("0.0.0.0", [], False),
        ("100.64.0.1", [], False),
        ("registry.lan", ["10.0.0.9", "fd00::9"], True),
        ("registry.lan:80", ["10.0.0.9", "8.8.8.8"], False),
        ("registry.lan", ["169.254.1.1"], False),
        ("registry.lan", [], False),
        ("localhost.evil.example", ["8.8.8.8"], False),
        ("10.0.0.1.evil.example", ["8.8.8.8"], False),
    ],
)
def test_plain_http_goes_to_loopback_and_private_addresses_alone(host: str, resolved: list[str], allowed: bool) -> None:
    if allowed:
        private.check(host, lambda _: resolved)
        return
    with pytest.raises(Insecure) as refused:
        private.check(host, lambda _: resolved)
    assert host in str(refused.value) and private.ALLOWED in str(refused.value)


def test_no_client_speaks_plain_http_to_a_public_address() -> None:
    with pytest.raises(Insecure, match=r"plain HTTP towards 8\.8\.8\.8:5000, which is public"):
        Registry("8.8.8.8:5000", insecure=True)
    with Registries(Access(insecure=True)) as registries, pytest.raises(Insecure):
        registries.place(image("8.8.8.8/a/b:1"))


def test_everything_wrong_with_registries_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    images = {
        "insecure": True,
        "mirror": "8.8.8.8:5000",
        "registries": {"a.b": {"caFile": "missing.pem"}, "c.d:5000": {"caFile": str(tmp_path / "empty.pem")}},
    }
    with pytest.raises(InvalidInput) as refused:
        build.plan(ROOT, loaded(images, {"registry": "9.9.9.9/x", "insecure": True}))
    said = [str(problem) for problem in refused.value.problems]
    for part in (
        "bus:images.registries.a.b.caFile = 'missing.pem': cannot be read",
        "bus:images.registries.c.d:5000.caFile",
        "bus:images.insecure = true: plain HTTP towards 8.8.8.8:5000, which is public",
        "bus:delivery.insecure = true: plain HTTP towards 9.9.9.9, which is public",
    ):
        assert any(part in line for line in said), said


@pytest.mark.parametrize(
    ("registries", "said"),
    [
        ({"https://a.b": {}}, "must be host[:port], without https://"),
        ({"a.b/c": {}}, "must be host[:port], without https://"),
        ({"a.b": {"tokenHosts": ["https://git.b/jwt/auth"]}}, "must be host[:port], without https://"),
        ({"a.b": {"realm": "git.b"}}, "unknown key"),
    ],
)
def test_a_registry_is_named_by_its_host(registries: object, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        loaded({"registries": registries})
    (problem,) = refused.value.problems
    assert said in str(problem)


def test_what_is_said_of_a_registry_reaches_whoever_asks_it(tmp_path: Path) -> None:
    ca, _ = certificate(tmp_path, "127.0.0.1")
    content = loaded({"registries": {"DKR.isi.nc": {"tokenHosts": ["git.isi.nc"], "caFile": str(ca)}}}).stack_file
    access = sources(content, ROOT)
    assert access.trust == {"dkr.isi.nc": Trust(("git.isi.nc",), ca.read_text())}
    assert trust.from_props(trust.to_props(access.trust)) == access.trust
    assert trust.from_props(None) == {} == trust.from_props(trust.to_props({}))
    assert trust.of_config({"bus:images": {"registries": {"a.b": {"tokenHosts": ["c.d"]}}}}, tmp_path) == {
        "a.b": Trust(("c.d",))
    }
    assert trust.of_config({"bus:images": "odd"}, tmp_path) == {} == trust.of_config({}, tmp_path)


def test_options_of_a_command_add_to_the_stack_file(tmp_path: Path) -> None:
    ca, _ = certificate(tmp_path, "127.0.0.1")
    named = trust.from_options(["A.b=c.d", "a.b=e.f:1"], [f"x.y={ca}"])
    assert named == {"a.b": Trust(("c.d", "e.f:1")), "x.y": Trust((), ca.read_text())}
    assert trust.together({"a.b": Trust(("g.h",), "old")}, named)["a.b"] == Trust(("g.h", "c.d", "e.f:1"), "old")
    wrong: list[tuple[list[str], list[str], str]] = [
        (["a.b"], [], "must be REGISTRY="),
        (["=c.d"], [], "must be REGISTRY="),
        ([], ["a.b=missing.pem"], "cannot be read"),
    ]
    for hosts, files, message in wrong:
        with pytest.raises(ValueError, match=message):
            trust.from_options(hosts, files)
