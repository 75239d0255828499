"""Fixtures that several modules of this folder share, and the order of its files."""

import pytest

from tests.servers.copies import maker, source, target
from tests.servers.kwok import kwok
from tests.servers.topic_sets import admin, kafka, process, provider

__all__ = ["admin", "kafka", "kwok", "maker", "process", "provider", "source", "target"]

# Files that take minutes. They begin first, so that none of them is alone at the end of a run on several processes.
LONG = ("test_releases_kills", "test_topics_replication", "test_indices_reindex", "test_images_set_image")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the order within a file, and of the others, stays."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
