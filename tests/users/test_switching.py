"""When the authorizer of a site cannot be switched while its brokers run."""

import pytest

from bus.users.switching import refusal, remedy


@pytest.mark.parametrize(
    ("brokers", "secured", "scram", "wanted", "said"),
    [
        (3, False, False, True, "3 brokers run that do not ask for a login; one that restarts to ask could not join"),
        (3, True, True, False, "3 brokers run that ask for a login; one that restarts to ask no more could not join"),
        (3, True, False, False, "3 brokers run that ask for a login; one that restarts to ask no more could not join"),
        (3, True, False, True, "3 brokers run that log in at each other by PLAIN; one that restarts takes SCRAM only"),
        (3, True, True, True, ""),
        (3, False, False, False, ""),
        (1, False, False, True, ""),
        (1, True, False, True, ""),
        (0, False, False, True, ""),
    ],
)
def test_several_brokers_are_not_switched_one_by_one(
    brokers: int, secured: bool, scram: bool, wanted: bool, said: str
) -> None:
    found = refusal(brokers, secured, scram, wanted)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_the_way_out_names_the_namespace() -> None:
    assert "-n central-prod --replicas=0" in remedy("central-prod")
