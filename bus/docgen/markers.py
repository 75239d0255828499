"""What docs/ has from types and tables: schemas, and parts of a page between marks that stay."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from bus.config.parsing import ConfigModel


def renew(text: str, parts: Mapping[str, str], page: Path) -> str:
    """`text` with its generated parts made new; raises LookupError where a part's marks are missing."""
    for name, part in parts.items():
        begin, end = f"<!-- {name}: generated -->\n", f"<!-- /{name} -->"
        if begin not in text or end not in text:
            raise LookupError(f"{page} lacks {begin.strip()} or {end}")
        before, _, rest = text.partition(begin)
        text = before + begin + part + end + rest.partition(end)[2]
    return text


def as_json(schema: Mapping[str, object]) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def default(field: FieldInfo) -> str:
    """What a key has where a file does not give it, as a table says it; nothing for what is empty."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, "", (), {}) or isinstance(value, ConfigModel) else f"`{json.dumps(value)}`"
