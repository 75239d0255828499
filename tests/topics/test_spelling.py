"""Texts that are one value of a topic's config, and texts that are not; brokers are asked in tests/servers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.topics.config_types import TYPES
from bus.topics.configs import CONFIGS, THROTTLED
from bus.topics.plan import Topic, plan, unwritten
from bus.topics.spelling import canonical, config_text

RATIO, WHOLE, FLAG, POLICY = "min.cleanable.dirty.ratio", "retention.ms", "preallocate", "cleanup.policy"


@pytest.mark.parametrize(
    ("key", "texts", "spelled"),
    [
        (RATIO, ["1", "1.0", "1.", "01", "1e0", "10e-1", " 1 "], "1.0"),
        (RATIO, ["0", "0.0", ".0", "-0", "0e9"], "0.0"),
        (RATIO, ["0.5", ".5", "0.50", "5e-1", "5E-1", "+.5"], "0.5"),
        (RATIO, ["0.01", "1e-2", ".010"], "0.01"),
        (RATIO, ["0.001", "1e-3"], "0.001"),
        (RATIO, ["0.00001", "1e-5", "1E-05", "0.10e-4"], "1.0E-5"),
        (RATIO, ["0.000123", "1.23e-4"], "1.23E-4"),
        (RATIO, ["0.1000000000000000055511151231257827"], "0.1"),
        (WHOLE, ["7", "007", "+7", " 7"], "7"),
        (WHOLE, ["-1", "-01", "-0001"], "-1"),
        (WHOLE, ["0", "-0", "00"], "0"),
        (WHOLE, ["9223372036854775807"], "9223372036854775807"),
        ("segment.bytes", ["01048576", "1048576"], "1048576"),
        (FLAG, ["true", "TRUE", "True", " true"], "true"),
        (POLICY, ["compact", "compact,compact", " compact , compact "], "compact"),
        (POLICY, ["delete,compact", "delete, compact", "delete,compact,delete"], "delete,compact"),
        ("message.format.version", ["3.0"], "3.0"),
        ("compression.type", ["gzip"], "gzip"),
    ],
)
def test_texts_that_are_one_value_have_one_spelling(key: str, texts: list[str], spelled: str) -> None:
    assert {canonical(key, text) for text in texts} == {spelled}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (RATIO, "1_0"),
        (RATIO, "\u0660.\u0665"),
        (RATIO, "half"),
        (RATIO, "nan"),
        (RATIO, "1d"),
        (RATIO, "."),
        (WHOLE, "1.0"),
        (WHOLE, "1e3"),
        (WHOLE, "\u0667"),
        (WHOLE, "7" * 30),
        (FLAG, "yes"),
        ("compression.type", "GZIP"),
        ("of.somebody.else", "007"),
    ],
)
def test_what_is_no_value_of_its_type_stays_as_it_is_and_is_refused(key: str, text: str) -> None:
    assert canonical(key, text) == text
    assert key not in CONFIGS or not CONFIGS[key].accepts(text)


@pytest.mark.parametrize(
    ("key", "value", "spelled"),
    [
        (RATIO, 1, "1.0"),
        (RATIO, 1.0, "1.0"),
        (RATIO, 0, "0.0"),
        (RATIO, 1e-5, "1.0E-5"),
        (RATIO, "1e-2", "0.01"),
        (WHOLE, 1e3, "1000"),
        (WHOLE, "007", "7"),
        (FLAG, True, "true"),
        (FLAG, "TRUE", "true"),
        (POLICY, ["compact", "compact"], "compact"),
        (POLICY, ["delete", "compact"], "delete,compact"),
        ("message.format.version", 3.0, "3.0"),
        ("message.format.version", 2.8, "2.8"),
    ],
)
def test_a_fragments_value_is_spelled_as_brokers_do(key: str, value: Any, spelled: str) -> None:
    assert config_text(key, value) == spelled
    assert CONFIGS[key].accepts(spelled)


@given(st.floats(0, 1))
def test_each_ratio_keeps_its_value_and_is_accepted(value: float) -> None:
    text = config_text(RATIO, value)
    assert float(text) == value
    assert canonical(RATIO, text) == text
    assert CONFIGS[RATIO].accepts(text)


@given(st.sampled_from(sorted(TYPES)), st.text(max_size=12))
def test_a_spelling_has_no_other_spelling(key: str, text: str) -> None:
    assert canonical(key, canonical(key, text)) == canonical(key, text)


@pytest.mark.parametrize("key", sorted(CONFIGS))
def test_a_whole_number_beyond_its_type_is_refused_before_a_broker_is_asked(key: str) -> None:
    """Java's Integer.parseInt and Long.parseLong fail there."""
    largest = {"int": 2**31 - 1, "long": 2**63 - 1}.get(TYPES[key])
    if largest is None:
        return
    assert not CONFIGS[key].accepts(str(largest + 1))
    assert key.startswith("compression.") or CONFIGS[key].accepts(str(largest))


def test_each_config_that_a_fragment_may_have_has_a_type() -> None:
    assert TYPES.keys() == {*CONFIGS, *THROTTLED}


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        ({RATIO: "1.0"}, {RATIO: "1"}),
        ({RATIO: "1.0E-5"}, {RATIO: "0.00001"}),
        ({WHOLE: "7"}, {WHOLE: "007"}),
        ({POLICY: "compact,compact"}, {POLICY: "compact"}),
        ({POLICY: "compact"}, {POLICY: "compact,compact"}),
    ],
)
def test_a_value_in_another_spelling_is_no_change(live: dict[str, str], wanted: dict[str, str]) -> None:
    assert plan(Topic("t", 1, 1, live), Topic("t", 1, 1, wanted), 1).is_nothing


def test_a_value_that_brokers_keep_otherwise_is_said_with_what_to_write_instead() -> None:
    """No spelling that is known here: the run after would say the same, and nobody is told to try it."""
    live, wanted = Topic("t", 1, 1, {"x.y": "0x7"}), Topic("t", 1, 1, {"x.y": "7"})
    said = unwritten(live, wanted, 60)
    assert "x.y 7 was written, and the brokers keep 0x7; another run alone changes nothing" in said
    assert "x.y: '0x7'" in said
    assert "un again" not in said


@pytest.mark.parametrize(
    ("live", "what"),
    [
        (None, "it is not shown at all"),
        (Topic("t", 1, 1, {}), "retention.ms unset -> 7 is not shown"),
        (Topic("t", 2, 1, {WHOLE: "8"}), "partitions 2 -> 1, retention.ms 8 -> 7 is not shown"),
    ],
)
def test_what_brokers_do_not_show_yet_is_said_with_what_to_look_at(live: Topic | None, what: str) -> None:
    said = unwritten(live, Topic("t", 1, 1, {WHOLE: "7"}), 60)
    assert what in said
    assert "are all brokers up" in said
