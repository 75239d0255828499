"""Sample changes of what decides, and tell which of them no pure test notices.

`make mutants`, or `python3 -m bench.mutation [MODULE ...] [--seed 1] [--number 8] [--at-least 95]`; a folder stands for
its modules, a number of 0 for every change. Exit code 1: fewer are noticed than wanted.
"""

import argparse
import difflib
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench.mutation import judging, places, selection
from bench.mutation.places import Mutant

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@dataclass
class Score:
    """What became of a module's changes; `equal` are survivors that change nothing, by equal.yaml."""

    killed: int = 0
    timed_out: int = 0
    equal: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """How many changes could have been noticed."""
        return self.killed + len(self.survivors)

    @property
    def percent(self) -> float:
        """How many of those were."""
        return 100 * self.killed / self.judged if self.judged else 100.0


def deciding(root: Path, wanted: Sequence[str]) -> list[str]:
    """Return the modules to change: those of deciding.txt, or those named."""
    if not wanted:
        lines = (HERE / "deciding.txt").read_text().splitlines()
        return [line for line in lines if line and not line.startswith("#")]
    modules = []
    for name in wanted:
        place = root / name
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        modules += [file.relative_to(root).as_posix() for file in files if file.name != "__init__.py"]
    return modules


def sample(module: str, source: bytes, seed: str, number: int) -> list[Mutant]:
    """Return the changes that a seed chooses in a module; of those to texts, at most one, since most are wording."""
    pool = places.mutants(source)
    if not number:
        return [mutant for mutant in pool if mutant.kind != places.TEXT]
    random.Random(f"{seed} {module}").shuffle(pool)
    texts = [mutant for mutant in pool if mutant.kind == places.TEXT][:1]
    return [mutant for mutant in pool if mutant.kind != places.TEXT or mutant in texts][:number]


def shown(module: str, source: bytes, mutant: Mutant) -> str:
    """Return a change as a diff without lines around it."""
    before, after = (text.decode().splitlines() for text in (source, mutant.applied(source)))
    diff = difflib.unified_diff(before, after, lineterm="", n=0)
    changed = [line for line in diff if not line.startswith(("---", "+++", "@@"))]
    return "\n".join([f"{module}:{mutant.line}: {mutant.kind}", *(f"  {line}" for line in changed)])


def known_as_equal() -> dict[str, list[dict[str, str]]]:
    """Return the survivors that were read and change no behaviour, by module."""
    known: dict[str, list[dict[str, str]]] = yaml.safe_load((HERE / "equal.yaml").read_text()) or {}
    return known


def is_equal(text: str, known: Sequence[dict[str, str]]) -> bool:
    """Tell whether a diff is one of those."""
    lines = [line.strip() for line in text.splitlines()[1:]]
    joined = [" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"]
    return any([one["line"], one["becomes"]] == joined for one in known)


def judge(folder: Path, module: str, seed: str, number: int) -> Score:
    """Sample a module's changes, run its tests on each, and write a line for each."""
    source, score = (folder / module).read_bytes(), Score()
    stages = selection.tests_of(module, selection.imports(folder))
    log, limits = folder.parent / "log", []
    for number_of, tests in enumerate(stages):
        verdict = judging.run(folder, tests, log)
        while not verdict.passed and (failed := failing(log, tests)):
            print(f"{module}: {failed} fails without a change, and is left out", flush=True)
            tests.remove(failed)
            verdict = judging.run(folder, tests, log)
        limits.append(3 + 3 * verdict.seconds)
        print(f"{module}: stage {number_of + 1}: {len(tests)} files, {verdict.seconds:.0f} s", flush=True)
    known = known_as_equal().get(module, [])
    sys.dont_write_bytecode = True
    for mutant in sample(module, source, seed, number):
        judging.write(folder, module, mutant.applied(source))
        failed_stage, why = 0, ""
        for stage, (tests, limit) in enumerate(zip(stages, limits, strict=True)):
            verdict = judging.run(folder, tests, log, limit)
            if not verdict.passed:
                failed_stage, why = stage + 1, verdict.why
                break
        text = shown(module, source, mutant)
        if failed_stage:
            score.killed += 1
            score.timed_out += why == "time-out"
            print(f"killed {text.splitlines()[0]} ({why})", flush=True)
        elif is_equal(text, known):
            score.equal += 1
        else:
            score.survivors.append(text)
            print(f"SURVIVED {text}", flush=True)
    judging.write(folder, module, source)
    sys.dont_write_bytecode = False
    return score


def failing(log: Path, tests: Sequence[str]) -> str | None:
    """Return the file whose test failed, as pytest's summary names it."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            name = line.split()[1].split("::")[0]
            if name in tests:
                return name
    return None


def main() -> int:
    """Judge the modules asked for, and report."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="bus/plan/build.py, bus/topics; none: those of deciding.txt")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--number", type=int, default=8, help="changes of each module; 0: all")
    parser.add_argument("--at-least", type=float, default=0, help="percent of all changes that have to be noticed")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout; it is copied, never changed")
    asked = parser.parse_args()
    judging.prepare()
    scores = {}
    with tempfile.TemporaryDirectory(prefix="bus-mutants-") as work:
        folder = judging.copy(asked.root, Path(work) / "copy")
        for module in deciding(folder, asked.modules):
            scores[module] = judge(folder, module, asked.seed, asked.number)
    return report(scores, asked.seed, asked.at_least)


def report(scores: dict[str, Score], seed: str, at_least: float) -> int:
    """Write a table of all modules; return the exit code."""
    total = Score()
    print(f"\nseed {seed}\n| module | noticed | not | equal | time-outs | score |\n|---|---|---|---|---|---|")
    for module, score in scores.items():
        print(_row(module, score))
        total.killed, total.equal = total.killed + score.killed, total.equal + score.equal
        total.timed_out += score.timed_out
        total.survivors += score.survivors
    print(_row("all", total))
    for survivor in total.survivors:
        print(f"\n{survivor}")
    if total.percent < at_least:
        print(f"\n{total.percent:.1f} % of the changes are noticed, and {at_least:g} % are wanted")
        return 1
    return 0


def _row(name: str, score: Score) -> str:
    numbers = f"{score.killed} | {len(score.survivors)} | {score.equal} | {score.timed_out}"
    return f"| {name} | {numbers} | {score.percent:.1f} % |"


if __name__ == "__main__":
    raise SystemExit(main())
