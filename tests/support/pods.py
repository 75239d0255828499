"""Pods of rendered manifests."""

from collections.abc import Iterator
from typing import Any


def pods(documents: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for document in documents:
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec and "spec" in spec["template"]:
            yield f"{document['kind']} {document['metadata']['name']}", spec["template"]["spec"]
