"""The meaning of one bare scalar of YAML, and whether all readers agree on it.

The reading is the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema). Readers of YAML 1.1, Helm
(sigs.k8s.io/yaml) and Pulumi (go-yaml v3) take some bare scalars for something else. A date is kept as the author's
text. Everything else on which they differ is refused (docs/adr/0083).
"""

import re
from dataclasses import dataclass
from decimal import Decimal

Value = None | bool | int | float | str

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {text: text.lower() == "true" for text in ("true", "True", "TRUE", "false", "False", "FALSE")}
# https://yaml.org/type/bool.html; Helm's reader takes all of them, Pulumi's none.
_OLD_BOOLEANS = {
    spelling: word in ("yes", "on")
    for word in ("yes", "on", "no", "off")
    for spelling in (word, word.capitalize(), word.upper())
}
HELM_BOOLEANS = frozenset("yYnN")
"""true or false to Helm's own reader of values.yaml alone; text to all others, and to Helm as bus hands it values"""
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9][eE][-+]?[0-9]+)", re.ASCII
)
# Numbers to at least one reader, without underscores: octal, binary, leading zeros, 1234e56, signs before a base.
_SOME_NUMBER = re.compile(
    r"[-+]?(?:0[oO][0-7]+|0[bB][-+]?[01]+|0[xX][0-9a-fA-F]+"
    r"|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)",
    re.ASCII,
)
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?",
    re.ASCII,
)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
# How Go prints a time. https://pkg.go.dev/time#Time.String
_GO_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? [-+][0-9]{4} (?:[A-Z]{3,5}|[-+][0-9]{2,4})",
    re.ASCII,
)
_QUOTE = "put it between quotes for the text"
_LONGEST = 400
"""digits of a number; a double has 309 at most"""
EXACT = 2**53
"""whole numbers up to here are the same as a double: https://www.rfc-editor.org/rfc/rfc8259#section-6"""


@dataclass(frozen=True)
class Reading:
    """The value of a bare scalar, or why it has none and what to write instead."""

    value: Value
    refusal: str = ""
    remedy: str = ""
    plain_text: bool = False
    """whether every reader takes it for this text"""


def read(text: str) -> Reading:
    """Return what a bare scalar means, or the refusal of one on which readers of YAML differ."""
    if text in _NULLS:
        return Reading(None)
    if text in _BOOLEANS:
        return Reading(_BOOLEANS[text])
    if text in _OLD_BOOLEANS:
        word = str(_OLD_BOOLEANS[text]).lower()
        refusal = f"is {word} to some readers of YAML and text to others"
        return Reading(text, refusal, f"{_QUOTE}, or write {word}")
    if _NO_NUMBER.fullmatch(text):
        return Reading(text, "is no number that JSON has", _QUOTE)
    if text == "<<":
        return Reading(text, "stands for a merge and not for a value", _QUOTE)
    if _BASE_60.fullmatch(text):
        return Reading(text, "is a number in base 60 to some readers of YAML and text to others", _QUOTE)
    if _DATE.fullmatch(text) or text == "=":
        return Reading(text)
    return _number(text) or Reading(text, plain_text=True)


def is_plain(text: str) -> bool:
    """Return whether all readers take a bare text for just this text."""
    return read(text).plain_text


def is_go_time(text: str) -> bool:
    """Return whether a text is what Pulumi makes of an unquoted date."""
    return _GO_TIME.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """Return whether a bare text is a date to some readers."""
    return _DATE.fullmatch(text) is not None


def _number(text: str) -> Reading | None:
    """Return the reading of what is a number to any reader; None for text."""
    bare = text.replace("_", "") if text[0] in "+-.0123456789" else text
    if not _SOME_NUMBER.fullmatch(bare):
        return None
    if len(text) > _LONGEST:
        return Reading(text, "is a number with too many digits", _QUOTE)
    if _WHOLE.fullmatch(text):
        return Reading(int(text))
    if _HEX.fullmatch(text):
        return Reading(int(text, 16))
    if not _FLOAT.fullmatch(text):
        refusal = "is read differently by readers of YAML: as one number, as another, or as text"
        return Reading(text, refusal, f"{_QUOTE}, or write the number in plain digits")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return Reading(text, "is too large for a number", _QUOTE)
    if Decimal(text) != Decimal(repr(value)):
        return Reading(text, f"would be rounded to {value!r}", f"{_QUOTE}, or write {value!r}")
    return Reading(value)


def is_inexact(value: object) -> bool:
    """Return whether a whole number changes where numbers are doubles: in values of Helm, in properties of Pulumi."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT
