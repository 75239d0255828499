"""The reference and the JSON schemas of the two files that people write.

`python3 -m bus.docgen.reference` writes them again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from bus.config import settings
from bus.config.bricks import BrickFile, Image
from bus.config.names import base_chart, umbrella
from bus.config.stack_file import NAMESPACE, Kind, SiteName, StackFile
from bus.deployment import KINDS
from bus.docgen import indices, markers, topics
from bus.releases.render.charts import load_map
from bus.releases.render.values import is_enabled, places, with_defaults

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/configuration.md"
STACK_FILE, BRICK_FILE = ROOT / "docs/schema/stack-file.json", ROOT / "docs/schema/brick-file.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ENCRYPTED = {
    "description": "set it with `pulumi config set --secret`, which encrypts it",
    "type": "object",
    "required": ["secure"],
    "additionalProperties": False,
    "properties": {"secure": {"type": "string"}},
}


def stack_schema() -> dict[str, Any]:
    """JSON schema of Pulumi.<stack>.yaml: the keys of bus, and whatever else Pulumi keeps there."""
    model = StackFile.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    names = "|".join(name.replace(".", r"\.") for name in (*settings.SECRETS, *settings.OPTIONAL_SECRETS))
    of_a_site = "|".join(
        name.replace(".", r"\.")
        for name in (*settings.SECRETS, *settings.OPTIONAL_SECRETS, *settings.SECRETS_OF_A_SITE)
    )
    keys = {f"{NAMESPACE}:{key}": _as_pulumi_writes(value) for key, value in model["properties"].items()}
    keys[f"{NAMESPACE}:sites"]["propertyNames"] = TypeAdapter(SiteName).json_schema()  # pydantic leaves it out
    login = {f"{NAMESPACE}:{name}": _ENCRYPTED for name in (*settings.DELIVERY_LOGIN, *settings.PULL_LOGIN)}
    return {
        "$schema": _DIALECT,
        "title": "stack file of bus",
        "description": "Pulumi.<stack>.yaml (docs/configuration.md)",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "required": [f"{NAMESPACE}:{key}" for key in model["required"]],
                "properties": keys | login,
                "patternProperties": {
                    rf"^{NAMESPACE}:({names})$": _ENCRYPTED,
                    rf"^{NAMESPACE}:[a-z0-9][-a-z0-9]*\.({of_a_site})$": _ENCRYPTED,
                    rf"^(?!{NAMESPACE}:)": True,
                },
                "additionalProperties": False,
            }
        },
        "$defs": model["$defs"],
    }


def brick_schema() -> dict[str, Any]:
    """JSON schema of values/<brick>.yml, fragments included."""
    model = BrickFile.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    blocks = {"topics": topics.schema(), "indices": json.loads(indices.schema())}
    provisions = json.loads(indices.schema_of_provisions())
    definitions = {**model["$defs"], **provisions["$defs"]}
    for block in blocks.values():
        definitions |= block.get("$defs", {}) | block["items"].pop("$defs", {})
    for key, block in (blocks | provisions["properties"]).items():
        about = model["properties"][key]["description"]
        model["properties"][key] = {"description": about, "type": "array", "items": block["items"]}
    return {
        "$schema": _DIALECT,
        "title": "brick file of bus",
        "description": "values/<brick>.yml (docs/configuration.md)",
        "type": "object",
        "properties": model["properties"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def page(text: str) -> str:
    """docs/configuration.md with its generated parts made new; raises LookupError where a part's marks are missing."""
    parts = {"stack": _stack(), "secrets": _secrets(), "brick": _brick(), "bricks": _bricks()}
    return markers.renew(text, parts, PAGE)


def _as_pulumi_writes(schema: dict[str, Any]) -> dict[str, Any]:
    """`pulumi config set bus:<key> true` writes "true", which the program reads as true."""
    if schema.get("type") != "boolean":
        return schema
    return {**schema, "type": ["boolean", "string"], "enum": [True, False, "true", "false"]}


def _stack() -> str:
    rows = [f"| `{NAMESPACE}:{path}` | {default} | {about} |" for path, default, about in _keys(StackFile)]
    return "\n".join(["| key | default | |", "|---|---|---|", *rows]) + "\n"


def _secrets() -> str:
    rows = [
        f"| `{NAMESPACE}:<site>.{name}`, or `{NAMESPACE}:{name}` for all | {about} |"
        for name, about in {**settings.SECRETS, **settings.OPTIONAL_SECRETS}.items()
    ]
    rows += [f"| `{NAMESPACE}:<site>.{name}` | {about} |" for name, about in settings.SECRETS_OF_A_SITE.items()]
    logins = {
        settings.DELIVERY_LOGIN: "login that pushes images to the customer's registry",
        settings.PULL_LOGIN: "login with which nodes pull them, in every namespace; use a user that only pulls",
    }
    for names, about in logins.items():
        rows.append(f"| {', '.join(f'`{NAMESPACE}:{name}`' for name in names)} | {about} |")
    return "\n".join(["| key | |", "|---|---|", *rows]) + "\n"


def _brick() -> str:
    rows = [f"| `image.{path}` | {default} | {about} |" for path, default, about in _keys(Image)]
    rows += [
        f"| `{field.alias or name}` | | {field.description} |"
        for name, field in BrickFile.model_fields.items()
        if name != "image"
    ]
    return "\n".join(["| key | default | |", "|---|---|---|", *rows]) + "\n"


def _bricks() -> str:
    """Every brick that a chart has, where it runs, and whether it does so without being asked to."""
    customer = str(load_map(ROOT / "Pulumi.master.yaml")["config"][f"{NAMESPACE}:customer"])
    folder, seen = ROOT / "charts", dict[str, tuple[str, dict[Kind, str]]]()
    charts = {base_chart(customer): KINDS, **{umbrella(customer, kind): (kind,) for kind in KINDS}}
    for chart, kinds in charts.items():
        values = with_defaults(folder, chart, {})
        for brick, (path, of_chart) in places(folder, chart).items():
            is_on = is_enabled(values, path)
            for kind in kinds:
                seen.setdefault(brick, (of_chart, {}))[1][kind] = "runs" if is_on else "if enabled"
    rows = [
        f"| `{brick}` | `{chart}` | " + " | ".join(where.get(kind, "") for kind in KINDS) + " |"
        for brick, (chart, where) in sorted(seen.items())
    ]
    return "\n".join([f"| brick | chart | {' | '.join(KINDS)} |", "|---|---|---|---|", *rows]) + "\n"


def _keys(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str, str]]:
    """path, default, description of every key, those of the records below it in its place."""
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        below = _record(field)
        if below is None:
            yield path, markers.default(field), _shown(field)
        else:
            if field.description:
                yield path, markers.default(field), _shown(field)
            mapped = get_origin(field.annotation) is dict
            yield from _keys(below, f"{path}.<name>." if mapped else f"{path}.")


def _shown(field: FieldInfo) -> str:
    return (field.description or "").replace("<", "&lt;")


def _record(field: FieldInfo) -> type[BaseModel] | None:
    """The record that a field holds, or a map of; None for plain values."""
    kind = field.annotation
    if get_origin(kind) is dict:
        kind = get_args(kind)[1]
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), None)


if __name__ == "__main__":
    STACK_FILE.write_text(markers.as_json(stack_schema()))
    BRICK_FILE.write_text(markers.as_json(brick_schema()))
    PAGE.write_text(page(PAGE.read_text()))
