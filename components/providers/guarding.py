"""A guard around each method of a provider: no exception reaches the engine without the name of what it is about."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from pulumi.dynamic import ResourceProvider

from bus.errors import UnexpectedError, UserError, unexpected

P = TypeVar("P", bound=type[ResourceProvider])
_ACTIONS: Mapping[str, str] = {
    "check": "judging",
    "diff": "comparing",
    "create": "creating",
    "read": "reading",
    "update": "updating",
    "delete": "deleting",
}


def guarded(noun: str) -> Callable[[P], P]:
    """Return a decorator of a provider class; `noun` is what its resource is of a site, such as `topics`."""

    def guard(provider: P) -> P:
        for name, action in _ACTIONS.items():
            setattr(provider, name, _guarded(getattr(provider, name), f"{action} the {noun}"))
        return provider

    return guard


def _guarded(method: Callable[..., Any], action: str) -> Callable[..., Any]:
    @wraps(method)
    def call(self: ResourceProvider, *arguments: Any) -> Any:
        try:
            return method(self, *arguments)
        except UserError:
            raise
        except Exception as error:
            raise UnexpectedError(unexpected(f"{action}{_place(arguments)}", error)) from error

    return call


def _place(arguments: tuple[Any, ...]) -> str:
    """Return the site, or else the release or namespace, that the newest properties among `arguments` name."""
    for props in reversed(arguments):
        if isinstance(props, Mapping):
            for key in ("site", "release", "namespace"):
                if isinstance(name := props.get(key), str) and name:
                    return f" of {key} {name}"
    return ""
