"""Writers that hammer an alias, and a ledger of what the server acknowledged."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError, helpers

_IDS = 40
"""of each writer: few, so that most writes change a document that is there"""


class Writers:
    """Threads that index, change and delete documents of their own through an alias until told to stop."""

    def __init__(self, url: str, alias: str, count: int) -> None:
        self._client = Elasticsearch(url, request_timeout=60, retry_on_timeout=False, max_retries=0)
        self._alias, self._stop = alias, threading.Event()
        self.acknowledged: dict[str, dict[str, Any] | None] = {}
        """id -> content, None where it was deleted; of writes that the server acknowledged"""
        self.refused = 0
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]

    def start(self) -> None:
        """Lets them write."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them, each after a write that was acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(300)

    def _write(self, number: int) -> None:
        choice = random.Random(number)
        turn = 0
        while not self._stop.is_set():
            turn += 1
            id_ = f"w{number}-{choice.randrange(_IDS)}"
            content = None if choice.random() < 0.2 else {"a": str(turn), "writer": number}
            self._until_acknowledged(id_, content)
            time.sleep(0.002)

    def _until_acknowledged(self, id_: str, content: dict[str, Any] | None) -> None:
        """Repeats a write that was refused or not answered, as a brick must."""
        while True:
            try:
                if content is None:
                    self._client.delete(index=self._alias, id=id_)
                else:
                    self._client.index(index=self._alias, id=id_, document=content)
            except NotFoundError as error:
                if content is not None or "result" not in error.body:
                    continue
            except (ApiError, TransportError):
                self.refused += 1
                time.sleep(0.01)
                continue
            self.acknowledged[id_] = content
            return


@contextmanager
def writing(url: str, alias: str, count: int = 4) -> Iterator[Writers]:
    """Writers while the context lasts."""
    writers = Writers(url, alias, count)
    writers.start()
    try:
        yield writers
    finally:
        writers.stop()


def content(client: Elasticsearch, alias: str) -> dict[str, dict[str, Any]]:
    """id -> content of everything behind an alias."""
    client.indices.refresh(index=alias)
    return {hit["_id"]: hit["_source"] for hit in helpers.scan(client, index=alias)}


def differences(acknowledged: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """id -> acknowledged and found, where these are not the same."""
    return {id_: (wanted, found.get(id_)) for id_, wanted in acknowledged.items() if found.get(id_) != wanted}
