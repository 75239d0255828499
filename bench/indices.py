"""Figures of indices: `python -m bench.indices [--indices 200] [--documents 200000]`, on a node of its own.

Compares with what a plain client does: indices made one by one, and one `_reindex` call of the server, alone and beside
the same two writers that catch-up has.
"""

import argparse
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial

from elasticsearch import Elasticsearch, helpers

from bus.indices.admin import Admin
from bus.indices.diff.plan import Reindexing, WantedIndex, plan
from tests.support.elasticsearch import elasticsearch, folder_of_nobody
from tests.support.writers import content, differences, writing

KEYWORD = {"properties": {"a": {"type": "keyword"}, "n": {"type": "long"}}}
TEXT = {"properties": {"a": {"type": "text"}, "n": {"type": "long"}}}


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def documents(index: str, count: int) -> Iterator[dict[str, object]]:
    """Small documents, about 60 bytes each."""
    return ({"_index": index, "_id": str(n), "a": f"title of film {n % 997}", "n": n} for n in range(count))


def many(client: Elasticsearch, admin: Admin, count: int) -> None:
    """`count` indices: made by a client one by one, made by bus, looked at again by bus."""
    settings = {"number_of_replicas": "0"}

    def plain() -> None:
        for number in range(count):
            client.indices.create(index=f"plain-{number}", mappings=KEYWORD, settings=settings)

    wanted = [WantedIndex(f"bus-{number}", KEYWORD, settings, {}) for number in range(count)]

    def up() -> None:
        live = admin.read([one.name for one in wanted])
        admin.apply([plan(live.get(one.name), one, one) for one in wanted])

    one_by_one, made, again = seconds(plain), seconds(up), seconds(up)
    print(f"{count} indices: one by one {one_by_one:.2f} s, bus {made:.2f} s ({one_by_one / made:.1f}x)")
    print(f"{count} indices without a change: {again:.2f} s")


def copying(client: Elasticsearch, admin: Admin, url: str, count: int, is_verbose: bool = False) -> None:
    """`count` documents into the next generation: a plain `_reindex`, bus in both modes, and how long it blocks."""
    first = WantedIndex("films", KEYWORD, {"number_of_replicas": "0"}, {})
    admin.apply([plan(None, first)])
    for _ in helpers.parallel_bulk(client, documents("films", count), thread_count=2, chunk_size=2000):
        pass
    client.indices.refresh(index="films")
    plain = seconds(lambda: plainly(client))
    print(f"{count} documents: plain _reindex {plain:.1f} s ({count / plain:.0f}/s)")
    with writing(url, "films", 2):
        beside = seconds(lambda: plainly(client))
    print(f"  beside two writers {beside:.1f} s")
    for mode, mappings in (("block", TEXT), ("catch-up", KEYWORD)):
        wanted = WantedIndex("films", mappings, first.settings, {}, Reindexing(mode=mode, keep=0))  # type: ignore[arg-type]
        said: list[str] = []
        change = plan(admin.read(["films"])["films"], wanted)
        begin = time.perf_counter()

        def say(text: str, said: list[str] = said, begin: float = begin) -> None:
            said.append(text)
            if is_verbose:
                print(f"    {time.perf_counter() - begin:6.1f} s: {text}")

        up = partial(admin.apply, [change], say)
        if mode == "block":
            taken, than = seconds(up), plain
        else:
            with writing(url, "films", 2) as writers:
                taken, than = seconds(up), beside
            lost = differences(writers.acknowledged, content(client, "films"))
            print(f"  {len(writers.acknowledged)} documents written meanwhile, {len(lost)} lost")
        [blocked] = re.findall(r"blocked for ([\d.]+) s", " ".join(said))
        print(f"  bus, {mode}: {taken:.1f} s ({taken / than:.2f}x), writes blocked for {blocked} s")


def plainly(client: Elasticsearch) -> None:
    """What somebody does by hand: an index without refresh, one call."""
    client.indices.create(index="copy", mappings=TEXT, settings={"number_of_replicas": 0, "refresh_interval": "-1"})
    patient = client.options(request_timeout=3600)
    patient.reindex(source={"index": "films"}, dest={"index": "copy"}, slices="auto")
    client.indices.delete(index="copy")


def main() -> None:
    """Starts a node, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indices", type=int, default=200)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--verbose", action="store_true", help="also what bus says on its way, and when")
    given = parser.parse_args()
    with ExitStack() as stack:
        node = stack.enter_context(elasticsearch(stack.enter_context(folder_of_nobody())))
        client = stack.enter_context(Elasticsearch(node.url, request_timeout=120))
        admin = stack.enter_context(closing(Admin(node.url)))
        many(client, admin, given.indices)
        copying(client, admin, node.url, given.documents, given.verbose)


if __name__ == "__main__":
    main()
