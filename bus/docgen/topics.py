"""The JSON schema and the reference of a topic's fragment, made from its types: `python3 -m bus.docgen.topics`."""

from pathlib import Path
from typing import Any

from bus.docgen import markers
from bus.topics.configs import CONFIGS
from bus.topics.model import Fragment

ROOT = Path(__file__).parents[2]
FILE, PAGE = ROOT / "docs/schema/topics.json", ROOT / "docs/topics.md"


def schema() -> dict[str, Any]:
    """JSON schema of the list below `topics:` in a brick's file; every config of Kafka is completed and checked."""
    one = Fragment.model_json_schema(by_alias=True)
    one["properties"]["configs"] = {
        "type": "object",
        "description": one["properties"]["configs"]["description"],
        "additionalProperties": False,
        "properties": {key: {**rule.schema, "description": rule.says} for key, rule in sorted(CONFIGS.items())},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "topics of a brick",
        "description": "The block topics: of values/<brick>.yml",
        "type": "array",
        "items": one,
    }


def reference() -> str:
    """The keys of a fragment and the configs that a topic may have, as tables."""
    required = set(schema()["items"].get("required", []))
    lines = ["| key | is |", "|---|---|"]
    for name, field in Fragment.model_fields.items():
        key = field.alias or name
        must = " (required)" if key in required else ""
        lines.append(f"| `{key}` | {field.description or 'the name of the topic'}{must} |")
    lines += ["", "| config | takes |", "|---|---|"]
    lines += [f"| `{key}` | {rule.says} |" for key, rule in sorted(CONFIGS.items())]
    return "\n".join(lines)


def page(text: str) -> str:
    """A page with its generated part made new."""
    return markers.renew(text, {"fragment": f"{reference()}\n"}, PAGE)


def file() -> str:
    """The schema as the file has it."""
    return markers.as_json(schema())


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(file())
    PAGE.write_text(page(PAGE.read_text()))
