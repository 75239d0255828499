"""What is said of a wrong value: every key of every record with every kind of wrong value, in the words of YAML."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

import bus.plan.build  # noqa: F401 - every record that there is
from bus.config import bricks, stack_file
from bus.config.parsing import ConfigModel, parse
from bus.topics import model as topic_model

WRONG: list[Any] = ["text", "", -1, 10**9, 1.5, True, None, [], {}, [1], [None], [[]], [{}], {"a": 1}, {"a": None}]
WRONG += [{"a": [1]}, {"a": [None]}, {1: 2}, {1: {}}]
# Those of Python, and those that pydantic's own messages begin with.
_WORDS = "dict dictionary instance tuple str int bool NoneType None True False integer boolean should Input Value"
FOREIGN = re.compile(rf"\b({'|'.join(_WORDS.split())})\b")


def records(kind: type[ConfigModel]) -> Iterator[type[ConfigModel]]:
    for one in kind.__subclasses__():
        yield one
        yield from records(one)


@pytest.mark.parametrize(
    "model", sorted(set(records(ConfigModel)), key=str), ids=lambda m: f"{m.__module__}.{m.__name__}"
)
def test_no_message_has_words_of_python(model: type[ConfigModel]) -> None:
    wrong = [{field.alias or name: value} for name, field in model.model_fields.items() for value in WRONG]
    said = [str(problem) for raw in [*WRONG, *wrong] for problem in parse(model, raw, "f.yml")[1]]
    assert said and not [line for line in said if FOREIGN.search(line)]


@pytest.mark.parametrize(
    ("model", "raw", "said"),
    [
        (stack_file.Site, {"kafka": [1]}, "kafka: must be a map, and is a list"),
        (stack_file.Site, {"kafka": "three"}, "kafka = 'three': must be a map"),
        (stack_file.Site, {"enable": None}, "enable: must be a list, and is empty; optional bricks to deploy here"),
        (stack_file.Kafka, {"brokers": "3"}, "brokers = '3': must be a whole number; number of brokers, 1 to 15"),
        (stack_file.Kafka, {"brokers": 16}, "brokers = 16: must be at most 15; number of brokers, 1 to 15"),
        (stack_file.Kafka, {"brokers": True}, "brokers = true: must be a whole number; number of brokers, 1 to 15"),
        (stack_file.Kafka, {"mode": "raft"}, "mode = 'raft': must be 'kraft' or 'zookeeper'; zookeeper only for"),
        (
            stack_file.Site,
            {"cinemaCode": 7},
            "cinemaCode = 7: must be text: put it between quotes, as the file has it;",
        ),
        (stack_file.StackFile, {"sites": {}}, "sites: must not be empty; sites by name"),
        (stack_file.Odoo, {"database": ""}, "database = '': must not be empty; name of Odoo's database"),
        (stack_file.Site, {"config": {7: "a"}}, "config.7 = 7: must be text: put it between quotes"),
        (stack_file.Site, {7: "a"}, "7 = 7: must be text: put it between quotes"),
        (bricks.BrickFile, ["image"], "f.yml: must be a map, and is a list"),
        (
            topic_model.Fragment,
            {"name": "t", "configs": {"cleanup.policy": {"a": 1}}},
            "configs.cleanup.policy: must be text, a number, true or false, or a list of texts",
        ),
    ],
)
def test_a_wrong_value_is_said_with_what_must_be(model: type[ConfigModel], raw: object, said: str) -> None:
    lines = [str(problem) for problem in parse(model, raw, "f.yml")[1]]
    assert len([line for line in lines if said in line]) == 1, lines
