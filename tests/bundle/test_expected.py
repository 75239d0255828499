"""Which bundles a registry takes, by what it remembers and what the operator says."""

from dataclasses import replace

import pytest

from bus.bundle.contents import Bundle
from bus.bundle.expected import Expected, noted, refusals_of_load

BUNDLE = Bundle("hickson", "prod", "registry.hickson.nc", 20, "2026-11-30T20:00:00Z")
BEFORE = {"hickson/prod": {"serial": 20, "made": "2026-11-30T20:00:00Z"}}


@pytest.mark.parametrize(
    ("bundle", "expected", "loaded", "message"),
    [
        (
            BUNDLE,
            Expected(),
            {},
            "remembers no bundle yet: where that is what you want, say so with --customer hickson",
        ),
        (BUNDLE, Expected(customer="hickson"), {}, "remembers no bundle yet"),
        (BUNDLE, Expected(customer="hickson", stack="prod"), {}, ""),
        (BUNDLE, Expected(), BEFORE, ""),
        (replace(BUNDLE, serial=21), Expected(), BEFORE, ""),
        (replace(BUNDLE, serial=19), Expected(), BEFORE, "its serial number is 19 (2026-11-30T20:00:00Z), and 20"),
        (replace(BUNDLE, serial=19), Expected(customer="hickson", stack="prod"), BEFORE, "--allow-older"),
        (replace(BUNDLE, serial=19), Expected(allow_older=True), BEFORE, ""),
        (replace(BUNDLE, stack="recette"), Expected(), BEFORE, "remembers bundles of hickson/prod alone"),
        (
            replace(BUNDLE, stack="recette"),
            Expected(stack="recette"),
            BEFORE,
            "remembers bundles of hickson/prod alone",
        ),
        (replace(BUNDLE, stack="recette", serial=1), Expected(customer="hickson", stack="recette"), BEFORE, ""),
        (replace(BUNDLE, customer="smti"), Expected(allow_older=True), BEFORE, "--customer smti --stack prod"),
        (BUNDLE, Expected(customer="smti", stack="prod"), BEFORE, "it is for customer 'hickson', and --customer names"),
        (BUNDLE, Expected(stack="recette"), BEFORE, "it is for stack 'prod', and --stack names 'recette'"),
        (BUNDLE, Expected(), {"hickson/prod": {}}, ""),
    ],
)
def test_a_bundle_is_taken_or_refused(
    bundle: Bundle, expected: Expected, loaded: dict[str, dict[str, object]], message: str
) -> None:
    reasons = refusals_of_load(bundle, expected, loaded)
    assert bool(reasons) == bool(message), reasons
    assert message in "\n".join(reasons)


def test_a_registry_remembers_each_stack_by_itself() -> None:
    other = noted(replace(BUNDLE, stack="recette", serial=3), BEFORE)
    assert other == {**BEFORE, "hickson/recette": {"serial": 3, "made": "2026-11-30T20:00:00Z"}}
    assert noted(replace(BUNDLE, serial=5), other)["hickson/prod"]["serial"] == 5
