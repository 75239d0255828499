"""An index as a property of a resource, and back: all numbers are floats there."""

import json

from bus.indices.props import from_props


def test_numbers_of_a_resource_are_whole_again() -> None:
    """A server refuses dims: 3.0, and takes boost: 1.5."""
    mappings = {"properties": {"v": {"type": "dense_vector", "dims": 3.0}, "a": {"type": "text", "boost": 1.5}}}
    aliases = {"recent": {"filter": {"range": {"year": {"gte": 2000.0}}}}}
    found = from_props("films", {"mappings": mappings, "settings": {}, "aliases": aliases})
    assert json.dumps(found.mappings["properties"]["v"]) == '{"type": "dense_vector", "dims": 3}'
    assert json.dumps(found.mappings["properties"]["a"]) == '{"type": "text", "boost": 1.5}'
    assert json.dumps(found.aliases["recent"]["filter"]) == '{"range": {"year": {"gte": 2000}}}'
