"""No exception of a provider reaches the engine without the name of what it is about, and what to do."""

import importlib
import pkgutil
from typing import Any

import pytest
from pulumi.dynamic import ResourceProvider

import components.providers
from bus.errors import PartialFailure, UnexpectedError
from components.providers.guarding import guarded

METHODS = ("check", "diff", "create", "read", "update", "delete")


@guarded("things")
class Careless(ResourceProvider):
    """Fails in each method with what it is given."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> Any:
        """Fail."""
        raise news["error"]

    def create(self, props: dict[str, Any]) -> Any:
        """Fail."""
        raise props["error"]


def providers() -> list[type[ResourceProvider]]:
    modules = [
        importlib.import_module(f"components.providers.{one.name}")
        for one in pkgutil.iter_modules(components.providers.__path__)
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ResourceProvider) and value.__module__ == module.__name__
    ]


@pytest.mark.parametrize(
    ("call", "said"),
    [("check", "judging the things of site c1"), ("create", "creating the things of site c1")],
)
def test_an_unforeseen_error_names_the_site_the_step_and_a_remedy(call: str, said: str) -> None:
    props = {"site": "c1", "error": KeyError("settings")}
    arguments = ({}, props) if call == "check" else (props,)
    with pytest.raises(UnexpectedError) as failed:
        getattr(Careless(), call)(*arguments)
    text = str(failed.value)
    assert said in text and "KeyError: 'settings'" in text and "Report it" in text


def test_what_a_user_can_mend_is_said_as_it_is() -> None:
    error = PartialFailure({"films": "is read-only: lift it"})
    with pytest.raises(PartialFailure) as failed:
        Careless().check({}, {"site": "c1", "error": error})
    assert failed.value is error


@pytest.mark.parametrize("provider", providers(), ids=lambda one: one.__name__)
def test_each_method_of_each_provider_is_guarded(provider: type[ResourceProvider]) -> None:
    if provider.__name__ == "DeclaredSetProvider":
        return  # its subclasses are
    assert all(hasattr(getattr(provider, name), "__wrapped__") for name in METHODS)
