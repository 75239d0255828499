"""Which sizes of volumes are refused beside those that exist - each case a file in volumes/."""

from pathlib import Path

import pytest
import yaml

from bus.running.live import Workload
from bus.running.volumes import judged, quantity

CASES = sorted((Path(__file__).parent / "volumes").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_volumes_have_the_wanted_size_or_it_is_refused(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    live = Workload(**{**given["live"], "sizes": tuple(given["live"].get("sizes", ()))})
    found, expected = judged("es", "site", given["wanted"], live), given["expect"]
    if expected is None:
        assert found is None, found
        return
    assert found is not None and found.refused == expected["refused"], found
    for part in expected["said"]:
        assert part in found.said, found.said
    for part in expected["remedy"]:
        assert part in found.remedy, found.remedy


@pytest.mark.parametrize(
    ("text", "size"), [("5Gi", 5 * 2**30), ("1.5k", 1500), ("7", 7), ("5gi", None), ("", None), ("Gi", None)]
)
def test_an_amount_is_read_as_kubernetes_does(text: str, size: int | None) -> None:
    assert quantity(text) == size
