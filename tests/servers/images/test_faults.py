"""What goes wrong between two registries: cuts of either side, kills, a full disk, content that is not its digest's."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bus.images.registry.client import MissingImage, NoAnswer, Registry, RegistryError
from bus.images.registry.registries import ImageLocation
from tests.support.copies import copy, copying
from tests.support.processes import disk
from tests.support.registry import Maker, Running, registry

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
KIB, MIB = 1 << 10, 1 << 20


class Cutting:
    """A way to a registry that cuts each connection after so many bytes, a given number of times, and then no more."""

    def __init__(self, to: str, after_bytes: int, times: int, upwards: bool) -> None:
        self._to, self._after, self._times, self._upwards = to, after_bytes, times, upwards
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            host, port = self._to.split(":")
            far = socket.create_connection((host, int(port)))
            threading.Thread(target=self._pump, args=(near, far, self._upwards), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, not self._upwards), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        passed = 0
        try:
            while piece := one.recv(1 << 16):
                passed += len(piece)
                if counted and passed > self._after and self.cuts < self._times:
                    self.cuts += 1
                    break
                other.sendall(piece)
        except OSError:
            pass  # the other half was cut
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            end.close()


def test_a_download_that_is_cut_goes_on_where_it_was(source: Running, target: Running, maker: Maker) -> None:
    maker.image("isi/cut", "1", [maker.blob("isi/cut", 8 * MIB, "a")])
    way = Cutting(source.host, 3 * MIB, times=2, upwards=False)
    with copying() as task:
        place = ImageLocation(Registry(way.host, insecure=True), "isi/cut", "1")
        copied = task.copy(place, ImageLocation(target.client(), "isi/cut", "1"))
    way.close()
    assert way.cuts == 2
    assert copied.digest == target.client().digest("isi/cut", "1")
    layer = json.loads(maker.client.manifest("isi/cut", "1").content)["layers"][0]["digest"]
    answers = [request[-3:] for request in source.requests() if f"GET /v2/isi/cut/blobs/{layer}" in request]
    assert answers == ["200", "206", "206"]


def test_an_upload_that_is_cut_is_sent_again(source: Running, target: Running, maker: Maker) -> None:
    made = maker.image("isi/up", "1", [maker.blob("isi/up", 8 * MIB, "a")])
    way = Cutting(target.host, 3 * MIB, times=2, upwards=True)
    with copying() as task:
        task.copy(
            ImageLocation(source.client(), "isi/up", "1"),
            ImageLocation(Registry(way.host, insecure=True), "isi/up", "1"),
        )
    way.close()
    assert way.cuts == 2
    assert target.client().digest("isi/up", "1") == made.digest


def test_a_registry_that_is_gone_is_named(source: Running, maker: Maker, tmp_path: Path) -> None:
    maker.image("isi/g", "1", [maker.blob("isi/g", KIB, "a")])
    with registry(tmp_path / "gone") as gone:
        gone.server.kill()
        with pytest.raises(NoAnswer, match=f"{gone.host} does not answer"):
            copy(source, gone, "isi/g", "1")


# Halts for ever at the fifth of eleven blobs, so that a kill is certain to come there.
_COPY = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from bus.images.copy.copying import Copying
from bus.image_reference import parse
from bus.images.registry.registries import ImageLocation
from bus.images.registry.client import Registry
put, begun = Registry.put_blob, []
def halting(*args, **more):
    begun.append(args)
    if len(begun) == 5:
        print("halted", flush=True)
        threading.Event().wait()
    return put(*args, **more)
Registry.put_blob = halting
source, target = (Registry(host, insecure=True) for host in sys.argv[1:3])
with ThreadPoolExecutor(max_workers=1) as pool:
    print(Copying(pool).copy(ImageLocation(source, "isi/kill", "1"), ImageLocation(target, "isi/kill", "1")).blobs)
"""


def test_what_a_killed_copy_has_done_stays_done(source: Running, target: Running, maker: Maker) -> None:
    made = maker.image("isi/kill", "1", [maker.blob("isi/kill", 8 * MIB, str(number)) for number in range(10)])
    command = [sys.executable, "-c", _COPY, source.host, target.host]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout and running.stdout.readline() == "halted\n"
    running.send_signal(signal.SIGKILL)
    assert running.wait(60) == -signal.SIGKILL
    there = target.blob_bytes()
    assert 20 * MIB <= there < 80 * MIB
    with pytest.raises(MissingImage):
        target.client().digest("isi/kill", "1")
    copied = copy(source, target, "isi/kill", "1")
    assert target.client().digest("isi/kill", "1") == made.digest
    assert copied.size_bytes <= 80 * MIB - there + KIB, "what was there was sent again"
    sent = [request for request in source.requests() if request.startswith("GET /v2/isi/kill/blobs/")]
    assert len(sent) <= 11 + 1, "one layer at most is fetched twice"


def test_a_full_disk_is_said_and_the_rest_comes_once_there_is_room(
    source: Running, maker: Maker, tmp_path: Path
) -> None:
    layers = [maker.blob("isi/full", 6 * MIB, str(number)) for number in range(3)]
    maker.image("isi/full", "0", layers[:1])
    made = maker.image("isi/full", "1", layers)
    with disk(tmp_path / "disk", 15) as folder, registry(tmp_path / "small", storage=folder) as small:
        copy(source, small, "isi/full", "0")  # the others share what room is left, and neither may end
        with pytest.raises(RegistryError, match="no space is left on the registry's disk"):
            copy(source, small, "isi/full", "1")
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        copied = copy(source, small, "isi/full", "1")
        assert small.client().digest("isi/full", "1") == made.digest
        assert 0 < copied.size_bytes <= 12 * MIB + KIB


@pytest.mark.parametrize("sparse", [False, True], ids=["2.8", "3"])
@pytest.mark.parametrize(
    "left",
    ["_layers/sha256/{layer}/link", "_manifests/revisions/sha256/{top}/link", "_manifests/tags/1/current/link"],
    ids=["layer", "manifest", "tag"],
)
def test_an_empty_link_that_a_full_disk_left_is_written_again(
    source: Running, maker: Maker, tmp_path: Path, left: str, sparse: bool
) -> None:
    layer = maker.blob("isi/left", KIB, "a")
    top = maker.image("isi/left", "1", [layer]).digest
    with registry(tmp_path / "target", sparse=sparse) as target:
        copy(source, target, "isi/left", "1")
        file = left.format(layer=layer["digest"][7:], top=top[7:])
        link = target.folder / "docker/registry/v2/repositories/isi/left" / file
        before = link.read_text()
        link.write_text("")
        (
            target.folder / f"docker/registry/v2/repositories/isi/left/_manifests/revisions/sha256/{top[7:]}/link"
        ).write_text("")
        assert copy(source, target, "isi/left", "1").digest == top
        assert link.read_text() == before
        assert copy(source, target, "isi/left", "1").size_bytes == 0
        assert b"".join(target.client().blob("isi/left", layer["digest"]))


@pytest.mark.parametrize("sparse", [False, True], ids=["2.8", "3"])
def test_a_manifest_that_a_full_disk_left_in_part_is_told(
    source: Running, maker: Maker, tmp_path: Path, sparse: bool
) -> None:
    top = maker.image("isi/part", "1", [maker.blob("isi/part", KIB, "a")]).digest
    with registry(tmp_path / "target", sparse=sparse) as target:
        copy(source, target, "isi/part", "1")
        file = target.folder / "docker/registry/v2/blobs/sha256" / top[7:9] / top[7:] / "data"
        for content in (b"", file.read_bytes()[:-9]):
            file.write_bytes(content)
            with pytest.raises(RegistryError, match=f"does not give it back whole.*{top[7:9]}"):
                copy(source, target, "isi/part", "1")
        file.unlink()
        assert copy(source, target, "isi/part", "1").digest == top
        assert target.client().manifest("isi/part", "1").digest == top


def test_content_that_is_not_what_its_digest_says_never_arrives(source: Running, target: Running, maker: Maker) -> None:
    layer = maker.blob("isi/bad", MIB, "a")
    maker.image("isi/bad", "1", [layer])
    file = source.folder / "docker/registry/v2/blobs/sha256" / layer["digest"][7:9] / layer["digest"][7:] / "data"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RegistryError, match="digest"):
        copy(source, target, "isi/bad", "1")
    with pytest.raises(MissingImage):
        target.client().digest("isi/bad", "1")
