"""The checked-in schema and reference of a fragment are what the types say, and the schema takes what they take."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from bus.docgen import topics
from bus.topics import model

CASES = sorted((Path(__file__).parents[1] / "topics/fragments").glob("*.yaml"))
# What only shows when files are seen together, or is a rule beyond types and values.
TOGETHER = (
    "name",
    "collision",
    "consumer",
    "producer",
    "producer",
    "twice",
    "two_owners",
    "sites_empty",
    "partitions_text_number",
)


def test_the_checked_in_schema_is_current() -> None:
    assert topics.FILE.read_text() == topics.file(), "run python3 -m bus.docgen.topics"


def test_the_reference_in_the_docs_is_current() -> None:
    assert topics.PAGE.read_text() == topics.page(topics.PAGE.read_text()), "run python3 -m bus.docgen.topics"


@pytest.mark.parametrize("case", [c for c in CASES if not c.stem.startswith(TOGETHER)], ids=lambda path: path.stem)
def test_an_editor_and_a_deployment_agree_on_a_fragment(case: Path) -> None:
    files = yaml.safe_load(case.read_text())["files"]
    problems = model.merge_fragments({f"values/{brick}.yml": (brick, entries) for brick, entries in files.items()})[1]
    validator = jsonschema.Draft202012Validator(topics.schema())
    assert all(validator.is_valid(entries) for entries in files.values()) == (not problems)
