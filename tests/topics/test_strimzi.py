"""The behaviours of Strimzi's Topic Operator by name: each has tests here, or a reason why not (strimzi.yaml)."""

import re
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parent
TESTS = FOLDER.parent
BEHAVIOURS: dict[str, str | list[str]] = {
    name: where
    for names in yaml.safe_load((FOLDER / "strimzi.yaml").read_text()).values()
    for name, where in names.items()
}
SOURCES = {
    path: path.read_text() for path in [*FOLDER.glob("test_*.py"), *(TESTS / "servers/topics").glob("test_*.py")]
}
_STRIMZIS = re.compile(r"\b(?:should|replicasChangeShould)[A-Z]\w+")


def is_there(reference: str) -> bool:
    """Whether a data case or a test of that name exists."""
    if "/" in reference:
        return (FOLDER / f"{reference}.yaml").is_file()
    return any(re.search(rf"^def {reference}\(", source, re.MULTILINE) for source in SOURCES.values())


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_behaviour_is_tested_here_or_does_not_apply(name: str) -> None:
    where = BEHAVIOURS[name]
    missing = [] if isinstance(where, str) else [one for one in where if not is_there(one)]
    assert where and not missing


def test_tests_name_behaviours_that_strimzi_has() -> None:
    named = {name for source in SOURCES.values() for name in _STRIMZIS.findall(source)}
    assert named
    assert sorted(named - BEHAVIOURS.keys()) == []
