"""Two real registries and images between them.

The fixtures are known to every module of this folder (conftest.py); one that wants others has its own.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bus.images.copy.copying import Copying, CopyResult
from bus.images.registry.client import Registry
from bus.images.registry.registries import ImageLocation
from tests.support.registry import Maker, Running, registry


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with registry(tmp_path_factory.mktemp("source")) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Running]:
    with registry(tmp_path / "target") as running:
        yield running


@pytest.fixture
def maker(source: Running, request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Makes images of a test's own: another seed, other bytes."""
    client = source.client()
    yield Maker(client, seed=hash(request.node.name) % 10**6)
    client.close()


@contextmanager
def copying(*platforms: str) -> Iterator[Copying]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield Copying(pool, platforms)


def copy(source: Running, target: Running | Registry, name: str, version: str, *platforms: str) -> CopyResult:
    to = target.client() if isinstance(target, Running) else target
    with copying(*platforms) as task:
        return task.copy(ImageLocation(source.client(), name, version), ImageLocation(to, name, version))
