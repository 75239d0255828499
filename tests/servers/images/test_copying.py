"""Copying between two real registries: digests, platforms, referrers, logins, and what is moved twice."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus.image_reference import parse
from bus.images.copy.copying import CopyResult
from bus.images.manifests import referrers_tag
from bus.images.registry.client import MissingImage, Registry, RegistryError
from bus.images.registry.login import Login
from bus.images.registry.registries import Access, ImageLocation, Registries
from tests.support.copies import copy, copying
from tests.support.registry import PASSWORD, USER, Maker, Running, registry
from tests.support.tokens import LEEWAY_SECONDS, issuer

pytestmark = pytest.mark.servers
KIB, MIB = 1 << 10, 1 << 20
LIVES_SECONDS = 10
"""how long a token is taken: longer than a call takes on a busy machine"""


def test_an_image_arrives_with_its_bytes_and_then_never_again(source: Running, target: Running, maker: Maker) -> None:
    made = maker.image("isi/x", "1", [maker.blob("isi/x", 300 * KIB, "a"), maker.blob("isi/x", 5, "b")])
    first = copy(source, target, "isi/x", "1")
    assert target.client().manifest("isi/x", "1").content == made.content
    assert (first.digest, first.blobs, first.mounted) == (made.digest, 3, 0)
    assert b"".join(target.client().blob("isi/x", json.loads(made.content)["layers"][1]["digest"]))
    before, asked = target.blob_bytes(), len(source.requests())
    assert copy(source, target, "isi/x", "1") == CopyResult(made.digest)
    assert target.blob_bytes() == before
    assert not [request for request in source.requests()[asked:] if "/blobs/" in request], "a blob moved again"


def test_every_platform_of_an_index_arrives_unchanged(source: Running, target: Running, maker: Maker) -> None:
    parts = {f"linux/{cpu}": maker.image("isi/m", cpu, [maker.blob("isi/m", KIB, cpu)]) for cpu in ("amd64", "arm64")}
    index = maker.index("isi/m", "1", parts)
    copied = copy(source, target, "isi/m", "1")
    assert (copied.digest, copied.blobs) == (index.digest, 4)
    for manifest in (index, *parts.values()):
        assert target.client().manifest("isi/m", manifest.digest).content == manifest.content


def test_a_platform_that_an_index_lacks_is_named_with_those_it_has(
    source: Running, target: Running, maker: Maker
) -> None:
    parts = {f"linux/{cpu}": maker.image("isi/p", cpu, [maker.blob("isi/p", KIB, cpu)]) for cpu in ("amd64", "arm64")}
    maker.index("isi/p", "1", parts)
    with pytest.raises(
        RegistryError, match=r"isi/p@sha256:\w+ has no platform linux/s390x; it has linux/amd64, linux/arm64"
    ):
        copy(source, target, "isi/p", "1", "linux/s390x")
    assert target.blob_bytes() == 0
    with pytest.raises(RegistryError, match="it wants every platform of an index"):
        copy(
            source, target, "isi/p", "1", "linux/arm64"
        )  # docker-registry takes no sparse index: said, not worked around
    with pytest.raises(MissingImage):
        target.client().digest("isi/p", "1")


def test_chosen_platforms_go_to_a_registry_that_takes_sparse_indexes_digest_unchanged(
    source: Running, maker: Maker, tmp_path: Path
) -> None:
    parts = {
        f"linux/{cpu}": maker.image("isi/s", cpu, [maker.blob("isi/s", 10 * KIB, cpu)])
        for cpu in ("amd64", "arm64", "s390x")
    }
    index = maker.index("isi/s", "1", parts)
    with registry(tmp_path / "sparse", sparse=True) as target, closing(target.client()) as far:
        copied = copy(source, target, "isi/s", "1", "linux/arm64")
        assert (copied.digest, copied.blobs) == (index.digest, 2)
        assert far.manifest("isi/s", "1").content == index.content, "pin and signature hold"
        assert far.has("manifests", "isi/s", parts["linux/arm64"].digest)
        assert not far.has("manifests", "isi/s", parts["linux/amd64"].digest)
        assert copy(source, target, "isi/s", "1", "linux/arm64").blobs == 0
        # One platform more later: what is there already stays, and its own layers come.
        assert copy(source, target, "isi/s", "1", "linux/arm64", "linux/amd64").blobs == 2
        assert far.has("manifests", "isi/s", parts["linux/amd64"].digest)
        assert copy(source, target, "isi/s", "1").blobs == 2, "all of them, once nothing is chosen"


def test_signatures_and_sboms_come_along(source: Running, target: Running, maker: Maker) -> None:
    part = maker.image("isi/s", "amd64", [maker.blob("isi/s", KIB, "a")])
    index = maker.index("isi/s", "1", {"linux/amd64": part})
    signature = maker.signature("isi/s", index, "signed")
    sbom = maker.signature("isi/s", part, "made of")
    cosign = maker.image("isi/s", f"{referrers_tag(index.digest)}.sig", [maker.blob("isi/s", 10, "cosign")])
    assert copy(source, target, "isi/s", "1").referrers == 3
    for found in (signature, sbom, cosign):
        assert target.client().manifest("isi/s", found.digest).content == found.content
    listed = target.client().manifest("isi/s", referrers_tag(index.digest)).described["manifests"]
    assert [entry["digest"] for entry in listed] == [signature.digest]
    later = maker.signature("isi/s", part, "made of something else")
    copied = copy(source, target, "isi/s", "1")
    assert (copied.referrers, copied.blobs) == (1, 1), "only what is new"
    listed = target.client().manifest("isi/s", referrers_tag(part.digest)).described["manifests"]
    assert {entry["digest"] for entry in listed} == {sbom.digest, later.digest}, "what the target had is still listed"


def test_a_signature_is_found_among_more_tags_than_a_registry_lists_at_once(
    source: Running, target: Running, maker: Maker
) -> None:
    image = maker.image("isi/old", "1", [maker.blob("isi/old", KIB, "x")])
    signature = maker.signature("isi/old", image, "signed")
    for number in range(100):
        maker.client.put_manifest("isi/old", f"build-{number}", image)
    assert maker.client.tags("isi/old") is None, "it may have more than it says"
    assert copy(source, target, "isi/old", "1").referrers == 1
    assert target.client().has("manifests", "isi/old", signature.digest)


def test_a_layer_of_many_images_is_sent_once(source: Running, target: Running, maker: Maker) -> None:
    names = [f"isi/shared-{number}" for number in range(6)]
    for name in names:
        maker.image(name, "1", [maker.blob(name, 2 * MIB, "base"), maker.blob(name, KIB, name)])
    with copying() as task, ThreadPoolExecutor(max_workers=6) as pool:
        where = [
            (ImageLocation(source.client(), name, "1"), ImageLocation(target.client(), name, "1")) for name in names
        ]
        copied = list(pool.map(lambda pair: task.copy(*pair), where))
    base = json.loads(maker.client.manifest(names[0], "1").content)["layers"][0]["digest"]
    sent = [request for request in source.requests() if f"/blobs/{base}" in request and request.startswith("GET")]
    assert len(sent) == 1
    # The config is the same for all, too: one of six sends base and config, five share both.
    assert sum(one.mounted for one in copied) == 10
    assert sum(one.size_bytes for one in copied) < 2 * MIB + 10 * KIB
    for name in names:
        digest = target.client().digest(name, "1")
        assert digest == source.client().digest(name, "1")


def test_wrong_credentials_are_said_and_right_ones_work(source: Running, maker: Maker, tmp_path: Path) -> None:
    maker.image("isi/c", "1", [maker.blob("isi/c", 3 * MIB, "a")])
    with registry(tmp_path / "closed", htpasswd=True) as closed:
        for login in (Login(), Login(USER, "wrong")):
            client = Registry(closed.host, insecure=True, login=login)
            with pytest.raises(RegistryError, match=r"access refused \(401\)") as refused:
                copy(source, client, "isi/c", "1")
            assert "wrong" not in str(refused.value)
        copied = copy(source, Registry(closed.host, insecure=True, login=Login(USER, PASSWORD)), "isi/c", "1")
        assert copied.blobs == 2


def test_the_login_of_docker_is_used(source: Running, maker: Maker, tmp_path: Path, monkeypatch: Any) -> None:
    maker.image("isi/d", "1", [maker.blob("isi/d", KIB, "a")])
    helper = tmp_path / "docker-credential-test"
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\nread host\n[ \"$1\" = get ] && echo '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with registry(tmp_path / "closed", htpasswd=True) as closed:
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {closed.host: "test"}}))
        with Registries(Access(insecure=True)) as registries, copying() as task:
            place = registries.place(parse(f"{closed.host}/isi/d:1"))
            assert task.copy(ImageLocation(source.client(), "isi/d", "1"), place).blobs == 2


def test_a_registry_that_wants_tokens_is_asked_for_each_image_and_each_right(
    source: Running, maker: Maker, tmp_path: Path
) -> None:
    """As GitLab's and Harbor's: a token to read, another to write, and one for two images to share a blob."""
    for name in ("isi/t1", "isi/t2"):
        maker.image(name, "1", [maker.blob(name, 200 * KIB, "base"), maker.blob(name, KIB, name)])
    with (
        issuer(tmp_path, USER, PASSWORD, lives_seconds=LIVES_SECONDS - LEEWAY_SECONDS) as tokens,
        registry(tmp_path / "closed", auth=tokens.config) as closed,
        copying() as task,
    ):
        target = Registry(closed.host, insecure=True, login=Login(USER, PASSWORD))

        def copied(name: str) -> CopyResult:
            return task.copy(ImageLocation(source.client(), name, "1"), ImageLocation(target, name, "1"))

        assert copied("isi/t1").blobs == 3
        assert copied("isi/t2").mounted == 2, "base and config"
        rights = {(scope.split(":")[1], *sorted(scope.split(":")[2].split(","))) for scope in tokens.asked}
        assert {("isi/t1", "pull"), ("isi/t1", "pull", "push"), ("isi/t2", "pull", "push")} <= rights
        time.sleep(LIVES_SECONDS + 1)  # the tokens are over
        asked = len(tokens.asked)
        assert target.digest("isi/t1", "1") == source.client().digest("isi/t1", "1")
        assert len(tokens.asked) == asked + 1
        with pytest.raises(RegistryError, match=r"access refused \(401\)"):
            copy(source, Registry(closed.host, insecure=True, login=Login(USER, "wrong")), "isi/t1", "1")


def test_a_token_that_runs_out_during_an_upload_begins_that_blob_anew(
    source: Running, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = maker.image("isi/late", "1", [maker.blob("isi/late", 300 * KIB, "a")])
    with (
        issuer(tmp_path, USER, PASSWORD, lives_seconds=LIVES_SECONDS - LEEWAY_SECONDS) as tokens,
        registry(tmp_path / "closed", auth=tokens.config) as closed,
    ):
        target = Registry(closed.host, insecure=True, login=Login(USER, PASSWORD))
        calling, sent = target._session.ask, list[str]()

        def slow(method: str, path: str, *more: Any) -> Any:
            if method == "PUT" and "/blobs/" in path:
                sent.append(path)
                time.sleep(LIVES_SECONDS + 1 if len(sent) == 1 else 0)
            return calling(method, path, *more)

        monkeypatch.setattr(target._session, "ask", slow)
        assert copy(source, target, "isi/late", "1").digest == made.digest
        assert len(sent) >= 3, "two blobs, the first of them twice"
