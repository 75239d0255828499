"""First and second delivery of many images that share layers, against the best of skopeo, crane and regctl in one run.

Run from the project's root: .venv/bin/python -m bench.images [--images 20] [--megabytes 200] [--rounds 3]. Needs
docker-registry on PATH, those to compare with, and disk for three times all images. Registries are real ones of this
machine, fresh in each round; whose turn comes first changes from round to round. To have all three:

    apt-get install --no-install-recommends skopeo
    go install github.com/google/go-containerregistry/cmd/crane@v0.20.3
    go install github.com/regclient/regclient/cmd/regctl@v0.11.7
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bus.images.copy.copying import Copying
from bus.images.registry.client import Registry
from bus.images.registry.registries import ImageLocation
from tests.support.registry import Maker, Running, registry

AT_ONCE = 4
MIB = 1 << 20
Deliver = Callable[[Running, Running, list[str]], None]


def make(source: Running, count: int, megabytes: int) -> list[str]:
    """`count` images of `megabytes` in four layers; the even ones have two of them, half of their size, in common."""
    client = source.client(cut_seconds=120)
    maker, names = Maker(client), []
    for number in range(count):
        name, quarter = f"isi/brick-{number:02}", megabytes * MIB // 4
        shared = ("base-0", "base-1") if number % 2 == 0 else (f"{name}-0", f"{name}-1")
        layers = [maker.blob(name, quarter, key) for key in (*shared, f"{name}-2", f"{name}-3")]
        maker.image(name, "1", layers)
        names.append(name)
    client.close()
    return names


def bus(source: Running, target: Running, names: list[str]) -> None:
    """As the resource ImageCopies does it: four images and eight blobs at a time."""
    with ThreadPoolExecutor(max_workers=8) as blobs, ThreadPoolExecutor(max_workers=AT_ONCE) as images:
        copying = Copying(blobs)
        near, far = (Registry(place.host, insecure=True) for place in (source, target))
        list(
            images.map(lambda name: copying.copy(ImageLocation(near, name, "1"), ImageLocation(far, name, "1")), names)
        )


def each(names: list[str], command: Callable[[str], list[str]]) -> None:
    """Runs a tool for each image, four at a time; raises RuntimeError with what it said."""

    def one(name: str) -> None:
        done = subprocess.run(command(name), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command(name)[0]}: {done.stderr[-500:]}")

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(one, names))


def skopeo(source: Running, target: Running, names: list[str]) -> None:
    """`skopeo copy`, digests kept."""
    fixed = ["skopeo", "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"]
    each(names, lambda name: [*fixed, *(f"docker://{place.host}/{name}:1" for place in (source, target))])


def crane(source: Running, target: Running, names: list[str]) -> None:
    """`crane copy`."""
    each(names, lambda name: ["crane", "copy", "--insecure", *(f"{place.host}/{name}:1" for place in (source, target))])


def regctl(source: Running, target: Running, names: list[str]) -> None:
    """`regctl image copy`; which takes the word of a host's configuration that it speaks plain HTTP."""
    hosts = [option for place in (source, target) for option in ("--host", f"reg={place.host},tls=disabled")]
    fixed = ["regctl", *hosts, "image", "copy"]
    each(names, lambda name: [*fixed, *(f"{place.host}/{name}:1" for place in (source, target))])


def measure(deliver: Deliver, source: Running, folder: Path, names: list[str]) -> dict[str, float]:
    """Seconds of a first and a second delivery to a registry of its own, and what of blobs the second asked for."""
    with registry(folder) as target:
        began = time.monotonic()
        deliver(source, target, names)
        first = time.monotonic() - began
        near, far = source.client(), target.client()
        wrong = [name for name in names if near.digest(name, "1") != far.digest(name, "1")]
        if wrong:
            raise RuntimeError(f"digests differ: {', '.join(wrong)}")
        before = len(source.requests()), target.blob_bytes()
        began = time.monotonic()
        deliver(source, target, names)
        second = time.monotonic() - began
        fetched = [line for line in source.requests()[before[0] :] if line.startswith("GET") and "/blobs/" in line]
        sent_mb = before[1] / MIB
        if target.blob_bytes() != before[1]:
            raise RuntimeError("the second delivery wrote blobs")
    shutil.rmtree(folder)
    return {"first": first, "second": second, "blobs_fetched_again": len(fetched), "stored_mb": sent_mb}


def main() -> None:
    """Measures all that are here, in turns, and prints medians and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    peers: dict[str, Deliver] = {"skopeo": skopeo, "crane": crane, "regctl": regctl}
    here = {name: deliver for name, deliver in peers.items() if shutil.which(name)}
    if not here:
        sys.exit(f"none of {', '.join(peers)} is on PATH; the head of bench/images.py says how to have them")
    if missing := peers.keys() - here.keys():
        print(f"not on PATH, so left out: {', '.join(sorted(missing))}")
    ways: dict[str, Deliver] = {"bus": bus, **here}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as work, registry(Path(work) / "source") as source:
        names = make(source, given.images, given.megabytes)
        print(f"{len(names)} images of {given.megabytes} MiB, {source.blob_bytes() / MIB:.0f} MiB of distinct blobs")
        for round_ in range(given.rounds):
            turns = list(ways)
            for name in turns[round_ % len(turns) :] + turns[: round_ % len(turns)]:
                result = measure(ways[name], source, Path(work) / f"{name}-{round_}", names)
                found[name].append(result)
                print(f"round {round_ + 1} {name}: " + ", ".join(f"{key} {value:.2f}" for key, value in result.items()))
    medians = {
        name: {key: round(statistics.median(result[key] for result in results), 2) for key in results[0]}
        for name, results in found.items()
    }
    best = {key: min(medians[name][key] for name in here) for key in ("first", "second")}
    ratio = {key: round(medians["bus"][key] / best[key], 2) for key in best}
    print(json.dumps({"medians": medians, "bus/best of the others": ratio}))


if __name__ == "__main__":
    main()
