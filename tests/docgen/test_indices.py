"""docs/indices.md and its JSON schema are what the code says; `python -m bus.docgen.indices` renews them."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from bus.docgen.indices import DOCUMENT, PROVISIONS, SCHEMA, document, schema, schema_of_provisions

ROOT = Path(__file__).parents[2]


def test_the_document_is_current() -> None:
    text = (ROOT / DOCUMENT).read_text()
    assert document(text) == text


def test_the_schema_is_current() -> None:
    assert (ROOT / SCHEMA).read_text() == schema()
    assert (ROOT / PROVISIONS).read_text() == schema_of_provisions()


def test_every_brick_passes_the_schema() -> None:
    found = [yaml.safe_load(file.read_text()).get("indices", []) for file in sorted((ROOT / "values").glob("*.yml"))]
    assert any(found)
    for indices in found:
        jsonschema.validate(indices, json.loads(schema()))
    for file in sorted((ROOT / "values").glob("*.yml")):
        jsonschema.validate(yaml.safe_load(file.read_text()), json.loads(schema_of_provisions()))


@pytest.mark.parametrize("wrong", [{}, {"name": "a", "reindex": {"mode": "maybe"}}, {"name": "a", "x": 1}])
def test_the_schema_refuses(wrong: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([wrong], json.loads(schema()))
