"""The login that pushes and the one that every namespace gets."""

import pytest

from bus.config import hosted_registry
from bus.config.registry_logins import hosted, read, warnings
from tests.support.registry import HTPASSWD, PULL_HTPASSWD


@pytest.mark.parametrize(
    ("own", "refused", "warned"),
    [
        ({}, "", ""),
        ({"username": "a", "password": "p"}, "is required", "every namespace gets bus:delivery.username"),
        ({"pullUsername": "a", "pullPassword": "p"}, "", ""),
        ({"username": "a", "password": "p", "pullUsername": "b", "pullPassword": "q"}, "", ""),
        ({"username": "a", "password": "p", "pullUsername": "a", "pullPassword": "q"}, "is the user", "is the user"),
        ({"username": "a", "password": "p", "pullUsername": "b", "pullPassword": "p"}, "password of", "password of"),
        ({"username": "", "password": "", "pullUsername": "", "pullPassword": ""}, "", ""),
    ],  # the last one: secrets that were not read
)  # fmt: skip
def test_one_login_for_both_is_refused_where_the_stack_hosts_and_warned_of_elsewhere(
    own: dict[str, str], refused: str, warned: str
) -> None:
    logins = read({f"delivery.{key}": value for key, value in own.items()})
    problems, said = [str(problem) for problem in hosted("f", "central", logins)], warnings(logins)
    assert (len(problems), len(said)) == (bool(refused), bool(warned))
    assert all(refused in line for line in problems) and all(warned in line for line in said)
    for line in (*problems, *said):
        assert "pulumi config set --secret bus:delivery.pullUsername" in line


def test_each_instance_of_the_registry_knows_its_own_users_alone() -> None:
    more = f"# staff\n\n{HTPASSWD}{PULL_HTPASSWD}" + PULL_HTPASSWD.replace("nodes", "bus2")
    users = hosted_registry.split(more, "bus")
    assert users == {"htpasswd": PULL_HTPASSWD + PULL_HTPASSWD.replace("nodes", "bus2"), "htpasswd-push": HTPASSWD}
    assert hosted_registry.split(HTPASSWD, "") == {"htpasswd": HTPASSWD, "htpasswd-push": ""}
