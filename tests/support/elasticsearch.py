"""Real Elasticsearch nodes of a test's own; they refuse root, so they run as nobody, who must be able to read them."""

import os
import re
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support.processes import Server, free_port, part, running

VERSION = "9.4.3"
OLDER = ("8.19.8", "7.17.15", "6.8.23")
"""servers that customers still have"""
_NOBODY = 65534
_JAVA = {9: range(21, 99), 8: range(17, 99), 7: range(8, 21), 6: range(8, 19)}
"""major version of Elasticsearch -> the Javas that it starts with"""
# Logs and dumps beside the server, which its user may not write; another collector than the one below.
_NOT_OURS = re.compile(r"(?m)^([\d-]+:)?-(Xlog:gc|Xloggc|XX:ErrorFile|XX:HeapDumpPath|XX:\+UseG1GC).*$")
# Native code, which the copied scripts and links of these tests do without.
_FURTHER = {"6.8.23": ("xpack.ml.enabled: false",)}
_OPTIONS = "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Node:
    """A node that answers, its process, and where its data is."""

    url: str
    server: Server
    folder: Path


@contextmanager
def elasticsearch(folder: Path, *settings: str, port: int | None = None, version: str = VERSION) -> Iterator[Node]:
    """A single node on loopback with its data in `folder`; the same folder and port start it again on kept data.

    `settings` are further lines of elasticsearch.yml.
    """
    port = port or free_port()
    home = _home(folder, version)
    _configure(home, folder, port, (*_FURTHER.get(version, ()), *settings))
    url = f"http://127.0.0.1:{port}"
    user = None
    if os.getuid() == 0:
        user = _NOBODY
        _give(folder)
    env = {
        **_java(version),
        "ES_PATH_CONF": str(folder / "config"),
        "ES_TMPDIR": str(folder / "tmp"),
        "ES_JAVA_OPTS": _OPTIONS,
        "HOME": str(folder),
    }
    answers = partial(_is_yellow, url)
    with running([home / "bin/elasticsearch"], answers, folder / "out.log", env=env, user=user) as server:
        yield Node(url, server, folder)


def _home(folder: Path, version: str) -> Path:
    """The fetched distribution, linked (or copied) to where another user than root can read it."""
    home = folder / "home"
    if not home.exists():
        fetched = "elasticsearch" if version == VERSION else f"elasticsearch-{version}"
        source = part(f"{fetched}/elasticsearch-{version}")
        shutil.copytree(source, home, copy_function=_link, ignore=shutil.ignore_patterns("bin"))
        shutil.copytree(source / "bin", home / "bin")  # copied: links would hand the modes below to the cache
        for script in (home / "bin").iterdir():
            script.chmod(0o755)
    return home


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)


def _configure(home: Path, folder: Path, port: int, settings: tuple[str, ...]) -> None:
    for name in ("config", "data", "logs", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(home / "config/log4j2.properties", folder / "config")
    options = (home / "config/jvm.options").read_text()
    options = _NOT_OURS.sub("", options)
    (folder / "config/jvm.options").write_text(options)
    lines = [
        "cluster.name: bus-tests",
        "node.name: node",
        f"path.data: {folder / 'data'}",
        f"path.logs: {folder / 'logs'}",
        "network.host: 127.0.0.1",
        f"http.port: {port}",
        f"transport.port: {free_port()}",
        "discovery.type: single-node",
        "xpack.security.enabled: false",
        "cluster.routing.allocation.disk.threshold_enabled: false",
    ]
    given = {line.split(":", 1)[0] for line in settings}
    kept = [line for line in lines if line.split(":", 1)[0] not in given]
    (folder / "config/elasticsearch.yml").write_text("\n".join([*kept, *settings]) + "\n")


def _give(folder: Path) -> None:
    """Everything that the node writes belongs to it."""
    for name in ("config", "data", "logs", "tmp"):
        for path in ((folder / name), *(folder / name).rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
    os.chown(folder, _NOBODY, _NOBODY)


def _java(version: str) -> dict[str, str]:
    """The newest Java of the machine that this server starts with, as its start script wants it told."""
    fitting = _JAVA[int(version.split(".")[0])]
    found: dict[int, Path] = {}
    for release in Path("/usr/lib/jvm").glob("*/release"):
        said = re.search(r'JAVA_VERSION="(\d+)', release.read_text())
        if said:
            found[int(said[1])] = release.parent
    fits = [number for number in found if number in fitting]
    if not fits:
        wanted = f"Java {fitting.start} to {fitting.stop - 1}"
        raise RuntimeError(f"Elasticsearch {version} needs {wanted} below /usr/lib/jvm; found {found}")
    home = str(found[max(fits)])
    return {"ES_JAVA_HOME": home, "JAVA_HOME": home}


def _is_yellow(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def shared_node() -> Iterator[Node]:
    """One node for every test that leaves it as it was, apart from indices of its own."""
    with folder_of_nobody() as folder, elasticsearch(folder) as node:
        yield node


@contextmanager
def folder_of_nobody() -> Iterator[Path]:
    """A temporary folder for a node; not one of pytest's, which every run of pytest closes to other users again."""
    with tempfile.TemporaryDirectory(prefix="bus-elasticsearch-", ignore_cleanup_errors=True) as made:
        yield Path(made)
