"""Generated parts of docs/indices.md, and docs/schema/indices.json; `python -m bus.docgen.indices` writes them."""

from collections.abc import Mapping
from pathlib import Path

from bus.config.parsing import ConfigModel
from bus.docgen import markers
from bus.indices.declared.index import Alias, Fragment, Reindex
from bus.indices.declared.supporting import MODELS, Template
from bus.indices.diff.change_kinds import TABLE
from bus.indices.server.versions import FEATURES, TRIED

DOCUMENT, SCHEMA = Path("docs/indices.md"), Path("docs/schema/indices.json")
PROVISIONS = Path("docs/schema/provisions.json")


def schema() -> str:
    """JSON schema of the `indices:` block of a brick's file."""
    items = Fragment.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = items.pop("$defs", {})
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "indices of values/<brick>.yml",
        "type": "array",
        "items": items,
        "$defs": definitions,
    }
    return markers.as_json(whole)


def schema_of_provisions() -> str:
    """JSON schema of the blocks of a brick's file that say what indices rely on, each by its key."""
    blocks: dict[str, object] = {}
    definitions: dict[str, object] = {}
    for kind, model in MODELS.items():
        items = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        definitions |= items.pop("$defs", {})
        blocks[kind] = {"type": "array", "items": items}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "policies, componentTemplates, pipelines and indexTemplates of values/<brick>.yml",
        "type": "object",
        "properties": blocks,
        "$defs": definitions,
    }
    return markers.as_json(whole)


def document(text: str) -> str:
    """docs/indices.md with its generated parts renewed; raises LookupError where a part's marks are missing."""
    parts = {
        "fragment": _fragment(),
        "changes": _changes(),
        "provisions": _provisions(),
        "servers": _servers(),
    }
    return markers.renew(text, parts, DOCUMENT)


def _fragment() -> str:
    parts: Mapping[str, type[ConfigModel]] = {"": Fragment, "aliases.&lt;name&gt;.": Alias, "reindex.": Reindex}
    rows = [
        f"| `{prefix}{field.alias or name}` | {markers.default(field)} | {field.description or ''} |"
        for prefix, record in parts.items()
        for name, field in record.model_fields.items()
    ]
    return "\n".join(["| key | default | |", "|---|---|---|", *rows]).replace("&lt;", "<").replace("&gt;", ">") + "\n"


def _provisions() -> str:
    rows = ["| block | key | default | |", "|---|---|---|---|"]
    base = Fragment.model_fields.keys() & MODELS["policies"].model_fields.keys()
    for kind, model in MODELS.items():
        for name, field in model.model_fields.items():
            if name not in base:
                rows.append(
                    f"| `{kind}` | `{field.alias or name}` | {markers.default(field)} | {field.description or ''} |"
                )
    for name, field in Template.model_fields.items():
        rows.append(f"| both templates | `template.{name}` | | {field.description} |")
    return "\n".join(rows) + "\n"


def _servers() -> str:
    majors = sorted(TRIED, reverse=True)
    rows = ["| | " + " | ".join(TRIED[major] for major in majors) + " |", "|---|" + "---|" * len(majors)]
    for feature in FEATURES:
        can = ["yes" if major >= feature.since else f"refused: {feature.why}" for major in majors]
        rows.append(f"| {feature.what} | " + " | ".join(can) + " |")
    return "\n".join(rows) + "\n"


def _changes() -> str:
    lines = []
    for heading, rules in TABLE.items():
        lines += [f"**{heading}**", "", "| change of | is | because |", "|---|---|---|"]
        for rule in rules:
            what = rule.what if " " in rule.what else f"`{rule.what}`"
            to = f" to `{rule.to}`" if rule.to else ""
            lines.append(f"| {'anything else' if rule.what == '*' else what}{to} | {rule.kind.said} | {rule.why} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text()))
    SCHEMA.parent.mkdir(exist_ok=True)
    SCHEMA.write_text(schema())
    PROVISIONS.write_text(schema_of_provisions())
