"""Whether a stack's state holds only what this program puts there, before the engine loads any of it.

A dynamic provider stands in the state as a pickle, in clear. Every refresh, removal and destroy loads it, which runs
it: whoever may write to the backend could have any code run with the rights of a deployment. This program's providers
are references to classes by module, so each has exactly one text, and everything else is refused.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bus.errors import UserError

DYNAMIC = "pulumi-python:dynamic/"
KEY = "__provider"
# type of a dynamic resource -> the module and class of its provider. A test holds that it is complete.
_CLASSES: Mapping[str, tuple[str, str]] = {
    f"{DYNAMIC}bus:{name}": (f"components.providers.{module}", f"{name}Provider")
    for name, module in {
        "Attempt": "deployments",
        "ClusterPin": "clusters",
        "Deployed": "deployments",
        "ImageCopies": "copies",
        "ImagePins": "pins",
        "IndexSet": "indices",
        "KafkaPasswords": "passwords",
        "KafkaUsers": "users",
        "PostgresPasswords": "database_passwords",
        "PostgresRoles": "roles",
        "RetiredPasswords": "users",
        "Salt": "salt",
        "TopicSet": "topics",
        "Uninstall": "uninstall",
    }.items()
}
# A resource of any other package would have the engine load a plugin, from an address that the state may name.
_PACKAGES = frozenset({"kubernetes", "pulumi", "pulumi-python", "bus"})
_PROVIDER_PACKAGES = frozenset({"kubernetes", "pulumi", "pulumi-python"})
_PLUGIN_KEYS = ("pluginDownloadURL", "parameterization", "pluginChecksums")
# The Kubernetes provider keeps the paths of $KUBECONFIG; what a kubeconfig itself holds needs spaces or braces.
_PATHS = re.compile(r"[\w./~+@:-]*", re.ASCII)
_SHOWN = 40


class ForeignState(UserError):
    """A state with something that this program does not put there; the message names each resource."""


def check(stack: str, state: Mapping[str, Any]) -> int:
    """The number of resources in `state`, the deployment of `pulumi stack export`. Raise ForeignState."""
    resources = list(_resources(state))
    problems = [f"{_name(one)}: {why}" for one in resources for why in _problems(one)]
    if problems:
        head = (
            f"the state of stack {stack} holds what this version of bus does not put there, and nothing of it was run"
        )
        lines = [f"  {number}. {problem}" for number, problem in enumerate(problems, 1)]
        raise ForeignState("\n".join([f"{head}:", *lines, *_remedy(stack)]))
    return len(resources)


def reference(module: str, name: str) -> str:
    """The one text that pulumi.dynamic writes for a provider of class `name` without any value of its own.

    A pickle of protocol 4: the frame, the two names, the global that they name, and an object of it without arguments.
    """
    body = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94" for text in (module, name))
    body += b"\x93\x94)\x81\x94."
    return base64.b64encode(b"\x80\x04\x95" + len(body).to_bytes(8, "little") + body).decode()


def allowed() -> dict[str, str]:
    """type of a dynamic resource -> the only text that its provider may be."""
    return {kind: reference(*known) for kind, known in _CLASSES.items()}


def _resources(state: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every resource of a state, those of operations that were cut off among them."""
    yield from state.get("resources") or []
    for operation in state.get("pending_operations") or []:
        yield operation.get("resource") or {}


def _problems(resource: Mapping[str, Any]) -> Iterator[str]:
    kind = str(resource.get("type") or "")
    package = kind.partition(":")[0]
    if kind.startswith("pulumi:providers:"):
        yield from _of_plugin(kind.removeprefix("pulumi:providers:"), resource)
    elif package not in _PACKAGES:
        yield f"type {_shown(kind)} is of a package that no part of this program uses"
    known = allowed().get(kind)
    if kind.startswith(DYNAMIC) and known is None:
        yield f"type {_shown(kind)} is no dynamic resource of this program"
    for side in ("inputs", "outputs"):
        values = resource.get(side)
        if isinstance(values, Mapping) and KEY in values and (known is None or values[KEY] != known):
            module, name = _CLASSES.get(kind, ("", ""))
            wanted = f"the reference to {module}.{name}" if known else "none at all"
            yield f"{side}.{KEY} is {_shown(values[KEY])}, allowed is {wanted}"
        config = values.get("kubeconfig") if isinstance(values, Mapping) else None
        if isinstance(config, str) and not _PATHS.fullmatch(config):
            yield f"{side}.kubeconfig is in clear, and this program keeps kubeconfigs encrypted; one may name a command"


def _of_plugin(package: str, resource: Mapping[str, Any]) -> Iterator[str]:
    if package not in _PROVIDER_PACKAGES:
        yield f"package {_shown(package)} is one that no part of this program uses"
    inputs = resource.get("inputs")
    inputs = inputs if isinstance(inputs, Mapping) else {}
    inside = inputs.get("__internal")
    for place in (inputs, inside if isinstance(inside, Mapping) else {}):
        for key in _PLUGIN_KEYS:
            if place.get(key):
                yield f"inputs.{key} = {_shown(place[key])}: the engine would load its plugin from there"


def _name(resource: Mapping[str, Any]) -> str:
    return _shown(str(resource.get("urn") or "a resource without a name").rsplit("::", 1)[-1], 80)


def _shown(value: Any, longest: int = _SHOWN) -> str:
    """A value of a state that somebody else may have written: on one line, and short."""
    text = ascii(value) if not isinstance(value, str) or not value.isprintable() else value
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def _remedy(stack: str) -> list[str]:
    return [
        "Find out who wrote it: whoever can write to the state backend can have code run in a deployment. Then put the",
        f"last good state back (a version that the backend kept): pulumi stack import --stack {stack} --file FILE.",
        "Where a newer version of bus made this state, run that version.",
    ]
