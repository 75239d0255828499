"""Fixtures that several modules of this folder share, and the order of its files."""

import os

import pytest

from tests.support.copies import maker, source, target
from tests.support.kwok import kwok
from tests.support.topic_sets import admin, kafka, process, provider

__all__ = ["admin", "kafka", "kwok", "maker", "process", "provider", "source", "target"]

# Files that take minutes. They begin first, so that none of them is alone at the end of a run on several processes.
LONG = ("releases/test_kills", "topics/test_replication", "indices/test_reindex", "images/test_set_image")


# A matrix of which an ordinary run takes every n-th case; BUS_WHOLE=1 takes all (docs/testing.md).
SAMPLED = {"indices/test_change_kinds": 4}


def _file(item: pytest.Item) -> str:
    return f"{item.path.parent.name}/{item.path.stem}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first, samples of long matrices; the order within a file, and of the others, stays."""
    if not os.environ.get("BUS_WHOLE"):
        left_out = [item for number, item in enumerate(items) if number % SAMPLED.get(_file(item), 1)]
        config.hook.pytest_deselected(items=left_out)  # so that the run says how many
        kept = set(items) - set(left_out)
        items[:] = [item for item in items if item in kept]
    items.sort(key=lambda item: LONG.index(_file(item)) if _file(item) in LONG else len(LONG))
