"""`pulumi preview` and `pulumi up` of the sandbox's customer without a change, with many more topics and as it is.

`python3 -m bench.customer [--topics 500]`, in a shell with `. sandbox/env.sh` after `make up`: the topics are made on
both of its sites, and deleted afterwards.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.real.sandbox import Stack

_OWNER = "values/cineges-central-jobs.yml"
_RUNS = 3


def more(stack: Stack, number: int) -> None:
    """Declares that many topics, of two partitions each."""
    file = stack.root / _OWNER
    content = yaml.safe_load(file.read_text())
    content["topics"] += [{"name": f"bench.topic-{n}", "partitions": 2} for n in range(number)]
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes."""
    started = time.monotonic()
    act()
    return time.monotonic() - started


def no_ops(stack: Stack) -> tuple[float, float]:
    """Seconds of a preview and of an up that change nothing; the best of some runs."""
    stack.pulumi("up", "--yes", "--skip-preview")  # settles outputs, and fills the caches of files
    previews = [seconds(lambda: stack.pulumi("preview", "--expect-no-changes")) for _ in range(_RUNS)]
    ups = [seconds(lambda: stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")) for _ in range(_RUNS)]
    return min(previews), min(ups)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topics", type=int, default=500)
    number = parser.parse_args().topics
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as work:
        plain, full = (Stack.local().copied(Path(work) / name) for name in ("plain", "full"))
        more(full, number)
        try:
            without = no_ops(plain)
            made = seconds(lambda: full.pulumi("up", "--yes", "--skip-preview"))
            with_them = no_ops(full)
        finally:
            plain.pulumi("up", "--yes", "--skip-preview")
    print(f"{number} topics more on each of two sites were made by an up of {made:.1f} s")
    print(f"{'':12}{'with them s':>14}{'without s':>12}{'ratio':>8}")
    for step, mine, floor in zip(("preview", "up"), with_them, without, strict=True):
        print(f"{step:12}{mine:14.2f}{floor:12.2f}{mine / floor:8.2f}")


if __name__ == "__main__":
    main()
