"""Where a registry's login goes, and where never: the cases of public advisories, by toy servers on loopback.

oras-go: GHSA-28r5-37g7-p6mp, GHSA-xf85-363p-868w, GHSA-jxpm-75mh-9fp7; google/go-containerregistry#2193; containerd:
CVE-2020-15157.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bus.image_digest import digest_of
from bus.image_reference import parse
from bus.images.manifests import IMAGE
from bus.images.registry.client import MissingImage, NoAnswer, NoRegistry, Registry, RegistryError, Untrusted
from bus.images.registry.login import Login
from bus.images.registry.registries import Access, Registries
from bus.images.registry.trust import Trust
from tests.support.toys import ELSEWHERE, Answering, Asked, Toy, toy

LOGIN = Login("bus", "hunter2")
BODY = json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": None, "layers": []}).encode()
MANIFEST: Answering = (200, {"Content-Type": IMAGE, "Docker-Content-Digest": digest_of(BODY)}, BODY)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def bearer(realm: str) -> Callable[[Asked], Answering]:
    """A registry that wants a token of `realm`."""

    def answer(asked: Asked) -> Answering:
        if asked.login.startswith("Bearer good"):
            return MANIFEST
        return 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:a/b:pull"'}, b""

    return answer


def issues(asked: Asked) -> Answering:
    """An issuer that gives everybody a token."""
    return 200, {"Content-Type": "application/json"}, json.dumps({"token": "good"}).encode()


def basic(asked: Asked) -> Answering:
    """A registry that wants a login."""
    return MANIFEST if asked.login else (401, {"WWW-Authenticate": 'Basic realm="r"'}, b"")


def client(stack: ExitStack, server: Toy, *token_hosts: str, ca: Path | None = None) -> Registry:
    made = Registry(
        server.host,
        insecure=ca is None,
        login=LOGIN,
        token_hosts=token_hosts,
        ca=ca.read_text() if ca else "",
        cut_seconds=5,
    )
    return stack.enter_context(closing(made))


def test_a_token_is_not_asked_for_where_nobody_said(stack: ExitStack) -> None:
    issuer = stack.enter_context(toy(issues, at=ELSEWHERE))
    registry = stack.enter_context(toy(bearer(f"{issuer.url}/jwt/auth")))
    with pytest.raises(Untrusted) as refused:
        client(stack, registry).manifest("a/b", "1")
    assert issuer.asked == [], "not even without the login"
    said = str(refused.value)
    assert f"{issuer.url}/jwt/auth" in said and "nothing was sent" in said
    assert f'bus:images.registries: {{"{registry.host}": {{tokenHosts: ["{issuer.host}"]}}}}' in said
    assert f"--token-host {registry.host}={issuer.host}" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("with_port", [True, False])
def test_a_token_comes_from_a_host_that_was_named_for_the_registry(stack: ExitStack, with_port: bool) -> None:
    issuer = stack.enter_context(toy(issues, at=ELSEWHERE))
    registry = stack.enter_context(toy(bearer(f"{issuer.url}/jwt/auth?client=x")))
    named = issuer.host if with_port else ELSEWHERE
    assert client(stack, registry, named).manifest("a/b", "1").content == BODY
    assert issuer.logins == [LOGIN.basic]
    assert issuer.asked[0].path == "/jwt/auth?client=x&service=s&scope=repository%3Aa%2Fb%3Apull"
    assert LOGIN.basic not in registry.logins, "who wants tokens is not shown the password"


def test_a_host_named_with_another_port_is_another_one(stack: ExitStack) -> None:
    issuer = stack.enter_context(toy(issues, at=ELSEWHERE))
    registry = stack.enter_context(toy(bearer(f"{issuer.url}/token")))
    with pytest.raises(Untrusted):
        client(stack, registry, f"{ELSEWHERE}:1").manifest("a/b", "1")
    assert issuer.asked == []


@pytest.mark.parametrize(
    "realm",
    ["", "/token", "ftp://127.0.0.1/token", "file:///etc/passwd", "http://bus:x@127.0.0.1/token", "http://", "http://[::1"],
)  # fmt: skip
def test_what_is_no_place_to_ask_is_refused(stack: ExitStack, realm: str) -> None:
    registry = stack.enter_context(toy(bearer(realm)))
    with pytest.raises(Untrusted, match="which is no URL; nothing was sent"):
        client(stack, registry).manifest("a/b", "1")


def test_a_realm_in_clear_is_refused_where_the_registry_has_tls(stack: ExitStack, tmp_path: Path) -> None:
    issuer = stack.enter_context(toy(issues))
    registry = stack.enter_context(toy(bearer(f"{issuer.url}/token"), tls=tmp_path))
    with pytest.raises(Untrusted, match="would get the login in clear"):
        client(stack, registry, issuer.host, ca=tmp_path / "ca.pem").manifest("a/b", "1")
    assert issuer.asked == []


def test_a_registry_with_a_certificate_of_its_own_needs_its_file(stack: ExitStack, tmp_path: Path) -> None:
    registry = stack.enter_context(toy(basic, tls=tmp_path))
    assert client(stack, registry, ca=tmp_path / "ca.pem").manifest("a/b", "1").content == BODY
    plain = Registry(registry.host, login=LOGIN)
    with closing(plain), pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
        plain._session.ask("GET", "/v2/a/b/manifests/1")


def test_an_issuer_that_redirects_is_not_followed(stack: ExitStack) -> None:
    thief = stack.enter_context(toy(issues, at=ELSEWHERE))
    registry = stack.enter_context(toy())
    ask = bearer(f"{registry.url}/token")
    registry.answer = lambda asked: (
        (307, {"Location": f"{thief.url}/token"}, b"") if asked.path.startswith("/token") else ask(asked)
    )
    with pytest.raises(Untrusted, match="redirects to another place"):
        client(stack, registry).manifest("a/b", "1")
    assert thief.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_gets_no_login(stack: ExitStack, status: int) -> None:
    other = stack.enter_context(toy(lambda _: MANIFEST))  # the same host, another port
    registry = stack.enter_context(toy())
    registry.answer = lambda asked: (
        (status, {"Location": f"{other.url}/v2/a/b/manifests/1"}, b"") if asked.login else basic(asked)
    )
    assert client(stack, registry).manifest("a/b", "1").content == BODY
    assert registry.logins and other.asked and not other.logins


@pytest.mark.parametrize("kind", ["Basic", "Bearer"])
def test_a_challenge_of_a_redirected_host_is_never_answered(stack: ExitStack, kind: str) -> None:
    thief = stack.enter_context(toy(at=ELSEWHERE))
    asks = f'Bearer realm="{thief.url}/token"' if kind == "Bearer" else 'Basic realm="r"'
    thief.answer = lambda _: (401, {"WWW-Authenticate": asks}, b"")
    registry = stack.enter_context(toy())
    registry.answer = lambda asked: (307, {"Location": f"{thief.url}/blob"}, b"") if asked.login else basic(asked)
    digest = digest_of(b"x")
    # Even where the thief may issue tokens: the challenge is not the registry's.
    for ask in (lambda one: b"".join(one.blob("a/b", digest)), lambda one: one.manifest("a/b", "1")):
        with pytest.raises(RegistryError, match=f"{thief.host}, which wants a login; none was given"):
            ask(client(stack, registry, thief.host))
    assert [one.path for one in thief.asked] == ["/blob", "/blob"] and not thief.logins


@pytest.mark.parametrize("at", ["127.0.0.1", ELSEWHERE])
def test_an_upload_at_another_origin_gets_no_login(stack: ExitStack, at: str) -> None:
    thief = stack.enter_context(toy(lambda _: (201, {}, b""), at=at))
    registry = stack.enter_context(toy())
    registry.answer = lambda asked: (
        (202, {"Location": f"{thief.url}/v2/a/b/blobs/uploads/1"}, b"") if asked.login else basic(asked)
    )
    client(stack, registry).put_blob("a/b", digest_of(b"x"), 1, iter([b"x"]))
    assert [one.body for one in thief.asked] == [b"x"], "a storage of its own may take it"
    assert not thief.logins
    assert client(stack, registry).mount("a/b", digest_of(b"x"), "a/c") is False
    assert thief.asked[-1].method == "DELETE" and not thief.logins


def test_nothing_goes_from_https_to_http(stack: ExitStack, tmp_path: Path) -> None:
    other = stack.enter_context(toy(lambda _: MANIFEST))
    registry = stack.enter_context(toy(tls=tmp_path))
    registry.answer = lambda asked: (
        (202 if asked.method == "POST" else 307, {"Location": f"{other.url}/v2/a/b/x"}, b"")
        if asked.login
        else basic(asked)
    )
    trusted, digest = client(stack, registry, ca=tmp_path / "ca.pem"), digest_of(b"x")
    acts: list[Callable[[], object]] = [
        lambda: trusted.manifest("a/b", "1"),
        lambda: trusted.digest("a/b", "1"),
        lambda: list(trusted.blob("a/b", digest)),
        lambda: trusted.put_blob("a/b", digest, 1, iter([b"x"])),
    ]
    for act in acts:
        with pytest.raises(Untrusted, match=r"leads from https to http://.*in clear"):
            act()
    assert other.asked == []


def test_content_is_not_sent_along_a_redirect(stack: ExitStack) -> None:
    other = stack.enter_context(toy(at=ELSEWHERE))
    registry = stack.enter_context(toy(lambda _: (307, {"Location": f"{other.url}/x"}, b"")))
    with pytest.raises(Untrusted, match="redirects PUT"):
        client(stack, registry)._session.ask("PUT", "/v2/a/b/manifests/1", {}, BODY)
    assert other.asked == []


def test_redirects_end(stack: ExitStack) -> None:
    registry = stack.enter_context(toy())
    registry.answer = lambda asked: (307, {"Location": f"{registry.url}{asked.path}x"}, b"")
    with pytest.raises(NoRegistry, match="more than 5 redirects"):
        client(stack, registry).manifest("a/b", "1")


def own_tokens(server: Toy) -> Callable[[Asked], Answering]:
    """A registry that issues its tokens itself, each with its address in it."""
    ask = bearer(f"{server.url}/token")
    content = json.dumps({"token": f"good-{server.host.replace(':', '-')}"}).encode()
    return lambda asked: (200, {}, content) if asked.path.startswith("/token") else ask(asked)


def test_two_registries_of_one_run_share_no_login_and_no_token(stack: ExitStack) -> None:
    one, two = (stack.enter_context(toy(at=at)) for at in ("127.0.0.1", ELSEWHERE))
    for server in (one, two):
        server.answer = own_tokens(server)
    access = Access(insecure=True, logins={one.host: Login("one", "p1"), two.host: Login("two", "p2")})
    registries = stack.enter_context(Registries(access))
    for server in (one, two, one, two):
        place = registries.place(parse(f"{server.host}/a/b:1"))
        assert place.registry.manifest(place.name, place.version).content == BODY
    assert set(one.logins) == {Login("one", "p1").basic, f"Bearer good-{one.host.replace(':', '-')}"}
    assert set(two.logins) == {Login("two", "p2").basic, f"Bearer good-{two.host.replace(':', '-')}"}
    assert sum(asked.path.startswith("/token") for asked in one.asked) == 1, "a token is kept for its image"


def test_what_is_named_for_one_registry_is_not_for_another(stack: ExitStack) -> None:
    issuer = stack.enter_context(toy(issues, at=ELSEWHERE))
    one, two = (stack.enter_context(toy(bearer(f"{issuer.url}/token"))) for _ in range(2))
    trust = {one.host: Trust((issuer.host,))}
    logins = {server.host: LOGIN for server in (one, two)}
    registries = stack.enter_context(Registries(Access(insecure=True, logins=logins, trust=trust)))
    place = registries.place(parse(f"{one.host}/a/b:1"))
    assert place.registry.digest("a/b", "1") == digest_of(BODY)
    place = registries.place(parse(f"{two.host}/a/b:1"))
    with pytest.raises(Untrusted):
        place.registry.digest("a/b", "1")
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ('Basic realm="r"', True),
        ('Negotiate, Basic realm="r"', True),
        ("Negotiate", False),
        ('Digest realm="r", nonce="Basic"', False),
        ("", False),
    ],
)
def test_only_a_challenge_that_is_understood_is_answered(stack: ExitStack, headers: str, sent: bool) -> None:
    registry = stack.enter_context(toy())
    registry.answer = lambda asked: MANIFEST if asked.login else (401, {"WWW-Authenticate": headers}, b"")
    if sent:
        assert client(stack, registry).manifest("a/b", "1").content == BODY
        return
    with pytest.raises(RegistryError, match=r"access refused \(401\)"):
        client(stack, registry).manifest("a/b", "1")
    assert not registry.logins


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (200, {"Content-Type": "text/html"}, b"<html>log in</html>"),
            "answered text/html that begins with '<html>log",
        ),
        ((200, {}, b"[]"), "as no registry does"),
        ((200, {}, b'{"token": 7}'), "without a token"),
        ((200, {}, b'{"token": "a\\r\\nX: y"}'), "without a token"),
        ((200, {}, b'{"token": "' + b"x" * (2 << 20) + b'"}'), "answered more than 1048576 bytes"),
        ((403, {}, b""), r"access refused \(401\)"),
    ],
)
def test_an_issuer_that_gives_no_token_is_told(stack: ExitStack, answer: Answering, said: str) -> None:
    registry = stack.enter_context(toy())
    ask = bearer(f"{registry.url}/token")
    registry.answer = lambda asked: answer if asked.path.startswith("/token") else ask(asked)
    with pytest.raises(RegistryError, match=said):
        client(stack, registry).manifest("a/b", "1")


def test_a_missing_image_is_still_told_from_a_refusal(stack: ExitStack) -> None:
    registry = stack.enter_context(toy())
    with pytest.raises(MissingImage, match="a/b/manifests/1 does not exist"):
        client(stack, registry).manifest("a/b", "1")


def test_many_threads_get_their_answers(stack: ExitStack) -> None:
    registry = stack.enter_context(toy(basic))
    asking, failures = client(stack, registry), list[Exception]()

    def ask() -> None:
        try:
            assert asking.manifest("a/b", "1").content == BODY
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
