"""Which states are refused before an engine loads them, and that this program's own never are."""

import base64
import importlib
import pickle
import pickletools
import pkgutil
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

import components.providers
from bus import state_guard
from bus.state_guard import DYNAMIC, KEY, ForeignState, allowed, check
from tests.support.program import STACKS, plan_of, registrations

PINS = f"{DYNAMIC}bus:ImagePins"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def resource(kind: str = PINS, name: str = "images", **sides: Any) -> dict[str, Any]:
    return {"type": kind, "urn": f"urn:pulumi:prod::bus::{kind}::{name}", **sides}


def own(kind: str = PINS) -> dict[str, Any]:
    return resource(kind, inputs={KEY: allowed()[kind]}, outputs={KEY: allowed()[kind], "x": 1})


def test_the_texts_are_those_that_pulumi_writes() -> None:
    """Of every provider in components/providers, and of no other: a new one is added to bus/state_guard.py."""
    written = {}
    for module in pkgutil.iter_modules(components.providers.__path__, "components.providers."):
        for value in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(value, type)
                and issubclass(value, pulumi.dynamic.Resource)
                and value.__module__ == module.name
            ):
                provider = getattr(importlib.import_module(module.name), f"{value.__name__}Provider")
                assert issubclass(provider, ResourceProvider)
                written[f"{DYNAMIC}bus:{value.__name__}"] = serialize_provider(provider())
    assert allowed() == written


@pytest.mark.parametrize("stack", STACKS)
def test_each_type_that_the_program_registers_is_allowed(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {one.type for one in registrations(plan_of(stack, monkeypatch)).values()}
    resources = [own(kind) if kind.startswith(DYNAMIC) else resource(kind, inputs={}) for kind in kinds]
    assert check(stack, {"resources": resources}) == len(kinds)


def test_a_state_of_this_program_passes() -> None:
    resources = [
        resource("pulumi:pulumi:Stack", "bus-prod"),
        resource("pulumi:providers:pulumi-python", "default", inputs={}),
        resource("pulumi:providers:kubernetes", "central-cluster", inputs={"kubeconfig": SECRET, "context": "c"}),
        resource(
            "pulumi:providers:kubernetes", "c2", inputs={"kubeconfig": "/builds/x.tmp/KUBECONFIG:/root/.kube/config"}
        ),
        resource("kubernetes:helm.sh/v3:Release", "r", inputs={"values": {"kubeconfig": "a"}}),
        own(),
        resource(PINS, "begun"),
    ]
    assert check("prod", {"resources": resources}) == 7
    assert check("prod", {}) == check("prod", {"resources": None, "pending_operations": None}) == 0


class Evil:
    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('ran')",))


FORGED = base64.b64encode(pickle.dumps(Evil())).decode()
ANOTHER = allowed()[f"{DYNAMIC}bus:TopicSet"]


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (resource(inputs={KEY: FORGED}), "images: inputs.__provider is "),
        (resource(inputs={KEY: allowed()[PINS]}, outputs={KEY: FORGED}), "images: outputs.__provider is "),
        (resource(inputs={KEY: ANOTHER}), "allowed is the reference to components.providers.pins.ImagePinsProvider"),
        (resource(inputs={KEY: f"{allowed()[PINS]} "}), "inputs.__provider is "),
        (resource(inputs={KEY: SECRET}), "inputs.__provider is "),
        (resource(inputs={KEY: None}), "inputs.__provider is "),
        (resource(f"{DYNAMIC}bus:Unknown", inputs={KEY: ANOTHER}), "is no dynamic resource of this program"),
        (resource("pulumi-python:dynamic:Resource", inputs={KEY: ANOTHER}), "allowed is none at all"),
        (resource("pulumi-python:dynamic:Resource"), None),
        (resource("bus:index:Bus", inputs={KEY: FORGED}), "allowed is none at all"),
        (resource("kubernetes:core/v1:Secret", outputs={KEY: FORGED}), "outputs.__provider is "),
        (
            resource("command:local:Command", inputs={"delete": "id"}),
            "is of a package that no part of this program uses",
        ),
        (resource("pulumi:providers:command"), "package command is one that no part of this program uses"),
        (
            resource("pulumi:providers:kubernetes", inputs={"__internal": {"pluginDownloadURL": "https://x"}}),
            "the engine would load its plugin from there",
        ),
        (
            resource("pulumi:providers:kubernetes", inputs={"kubeconfig": '{"users": [{"user": {"exec": {}}}]}'}),
            "inputs.kubeconfig is in clear",
        ),
        (resource(f"{DYNAMIC}bus:Uninstall", inputs={"kubeconfig": "users:\n- exec"}), "inputs.kubeconfig is in clear"),
    ],
)
def test_anything_else_is_refused_with_the_resource_named(forged: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert check("prod", {"resources": [forged]}) == 1, "nothing in it is loaded"
        return
    for state in ({"resources": [own(), forged]}, {"pending_operations": [{"type": "creating", "resource": forged}]}):
        with pytest.raises(ForeignState) as refused:
            check("prod", state)
        assert said in str(refused.value) and "pulumi stack import --stack prod" in str(refused.value)
        assert FORGED not in str(refused.value), "cut short"


def test_every_problem_is_named_at_once_and_no_name_breaks_its_line() -> None:
    state = {"resources": [resource(name=f"x\n{n}\x1b[2J", inputs={KEY: FORGED}) for n in range(3)]}
    with pytest.raises(ForeignState) as refused:
        check("prod", state)
    lines = str(refused.value).splitlines()
    assert [line[:4] for line in lines[1:4]] == ["  1.", "  2.", "  3."] and "\x1b" not in str(refused.value)


def test_a_reference_is_an_object_of_one_class_and_nothing_else() -> None:
    for text in allowed().values():
        opcodes = [one.name for one, _, _ in pickletools.genops(base64.b64decode(text))]
        assert "REDUCE" not in opcodes and opcodes.count("STACK_GLOBAL") == 1
    assert Path(state_guard.__file__).read_text().count("pickle.") == 0, "it reads no pickle"
