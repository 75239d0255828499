"""A folder of images that somebody else made: nothing outside of it is read or written, whatever its files say."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bus.image_digest import checked, digest_of, is_digest
from bus.images.copy.copying import Copying, parts
from bus.images.copy.layout import Layout
from bus.images.manifests import IMAGE, INDEX, BadManifest, read
from bus.images.registry.client import Registry, RegistryError
from bus.images.registry.registries import ImageLocation
from tests.support.toys import toy

HEX = "a" * 64
NAME = "org.opencontainers.image.ref.name"
NO_DIGESTS = [
    "sha256:/etc/passwd", "sha256:../../x", "/etc/passwd", "../x", "sha256:", "sha256:" + "A" * 64,
    "sha256:" + "a" * 63, "sha256:" + "a" * 65, f"sha512:{'a' * 128}", f"sha256:{HEX}\n", f"sha256:{HEX}/x",
    f" sha256:{HEX}", "sha256:" + "\u0663" * 64, "", "md5:abc", f"sha256:{HEX[:62]}..", None, 7, ["sha256:" + HEX],
]  # fmt: skip


@pytest.mark.parametrize("text", NO_DIGESTS, ids=str)
def test_only_one_form_is_a_digest(text: object) -> None:
    assert not is_digest(text)
    with pytest.raises(ValueError, match="is no digest: sha256: and 64 hexadecimal digits"):
        checked(text, "x")
    assert checked(f"sha256:{HEX}", "x") == f"sha256:{HEX}"


def described(**more: Any) -> dict[str, Any]:
    entry = {"mediaType": "x", "digest": f"sha256:{HEX}", "size": 1}
    return {"schemaVersion": 2, "mediaType": IMAGE, "config": entry, "layers": [entry], **more}


@pytest.mark.parametrize("text", NO_DIGESTS, ids=str)
@pytest.mark.parametrize("place", ["manifests", "layers", "config", "subject"])
def test_a_descriptor_has_a_digest_wherever_it_stands(place: str, text: object) -> None:
    entry = {"digest": text, "size": 1}
    content = json.dumps(described(**{place: [entry] if place.endswith("s") else entry})).encode()
    with pytest.raises(BadManifest, match=rf"{place}.*digest = .* is no digest"):
        read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 200_000, b'{"layers": {}}', b'{"manifests": [7]}',
        json.dumps(described(config={"digest": f"sha256:{HEX}"})).encode(),
        json.dumps(described(config={"digest": f"sha256:{HEX}", "size": -1})).encode(),
        json.dumps(described(config={"digest": f"sha256:{HEX}", "size": "1"})).encode(),
        json.dumps(described(layers=[{"digest": f"sha256:{HEX}", "size": 1, "urls": "x"}])).encode(),
        json.dumps(described(manifests=[{"digest": f"sha256:{HEX}", "size": 1, "platform": "x"}])).encode(),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_told(content: bytes) -> None:
    with pytest.raises(BadManifest):
        read(content)


@pytest.mark.parametrize("digest", ["sha256:{file}", "{file}", "sha256:../../../{name}"])
def test_a_file_of_the_machine_is_not_taken_for_a_blob(tmp_path: Path, digest: str) -> None:
    secret = tmp_path / "kubeconfig"
    secret.write_text("client-key-data: VERY-SECRET-KEY")
    wanted = digest.format(file=secret, name=secret.name)
    layout = Layout(tmp_path / "bundle")
    blob = {"mediaType": "x", "digest": wanted, "size": secret.stat().st_size}
    content = json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": blob, "layers": [blob]}).encode()
    (layout.folder / "blobs/sha256" / digest_of(content)[7:]).write_bytes(content)
    acts: list[Callable[[], object]] = [
        lambda: list(layout.blob("a", wanted)),
        lambda: layout.has("blobs", "a", wanted),
        lambda: layout.has("manifests", "a", wanted if ":" in wanted else f"sha256:{wanted}"),
        lambda: layout.manifest("a", wanted if ":" in wanted else f"sha256:{wanted}"),
        lambda: layout.put_blob("a", wanted, 1, iter([b"x"])),
    ]
    for act in acts:
        with pytest.raises(RegistryError, match="is no digest"):
            act()
    with toy() as server, ThreadPoolExecutor(1) as pool, pytest.raises(RegistryError, match="is no digest"):
        target = ImageLocation(Registry(server.host, insecure=True), "a", "1")
        Copying(pool).copy(ImageLocation(layout, "a", digest_of(content)), target, "1")
    assert server.asked == [], "nothing of it reached a registry"
    assert secret.read_text() == "client-key-data: VERY-SECRET-KEY"


def test_content_of_another_digest_is_no_manifest_of_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (tmp_path / "blobs/sha256" / HEX).write_bytes(json.dumps(described()).encode())
    with pytest.raises(RegistryError, match="the file has content of digest sha256:"):
        layout.manifest("a", f"sha256:{HEX}")


@pytest.mark.parametrize(
    "entries",
    [
        [{"digest": "sha256:/etc/passwd", "size": 1, "annotations": {NAME: "a:1"}}],
        [{"digest": f"sha256:{HEX}", "size": 1}],
        [{"digest": f"sha256:{HEX}", "size": 1, "annotations": {NAME: 7}}],
        [7],
        {},
    ],
)
def test_an_index_of_a_folder_that_is_none_is_told(tmp_path: Path, entries: object) -> None:
    layout = Layout(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    for act in (lambda: layout.digest("a", "1"), lambda: layout.tags("a"), lambda: layout.manifest("a", "1")):
        with pytest.raises(RegistryError, match=r"index\.json is no index of a layout"):
            act()


def test_indexes_within_indexes_end(tmp_path: Path) -> None:
    layout, child = Layout(tmp_path), json.dumps(described()).encode()
    for _ in range(6):
        digest = digest_of(child)
        (tmp_path / "blobs/sha256" / digest[7:]).write_bytes(child)
        entry = {"mediaType": INDEX, "digest": digest, "size": len(child)}
        child = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
    with pytest.raises(RegistryError, match="indexes within indexes, more than 4 deep"):
        parts(layout, "a", digest)
