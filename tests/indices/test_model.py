"""Index fragments: what they mean together and what is said of bad ones - each case a file in fragments/."""

from pathlib import Path

import pytest

from bus.indices.declared import index as model
from tests.support.fragments import merged

CASES = sorted((Path(__file__).parent / "fragments").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_fragments_of_all_bricks_together(case: Path) -> None:
    indices, given = merged(case, model.merge_fragments)
    if "indices" in given:
        assert {index.name: index.wanted() for index in indices if index.applies_to("central")} == given["indices"]
