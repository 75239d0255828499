"""Passwords that a stack makes: kept, made for new roles, renewed all at once."""

from typing import Any

from components.providers.database_passwords import PostgresPasswordsProvider


def made(olds: dict[str, Any] | None, roles: list[str], revision: int = 1) -> dict[str, Any]:
    provider, props = PostgresPasswordsProvider(), {"roles": roles, "revision": revision, "passwords": None}
    outs = provider.create(props).outs if olds is None else provider.update("id", olds, props).outs
    assert outs
    return outs


def test_passwords_are_long_and_each_is_another() -> None:
    found = made(None, ["odoo2kafka", "pgadmin"])["passwords"]
    assert len(set(found.values())) == 2
    assert all(len(password) >= 32 for password in found.values())


def test_one_that_is_there_stays_until_the_revision_is_another() -> None:
    first = made(None, ["odoo2kafka"])
    more = made(first, ["odoo2kafka", "pgadmin"])
    assert more["passwords"]["odoo2kafka"] == first["passwords"]["odoo2kafka"]
    renewed = made(more, ["odoo2kafka", "pgadmin"], 2)
    assert not set(renewed["passwords"].values()) & set(more["passwords"].values())
    assert made(more, ["pgadmin"])["passwords"].keys() == {"pgadmin"}


def test_the_passwords_are_no_input() -> None:
    first = made(None, ["odoo2kafka"])
    provider, same = PostgresPasswordsProvider(), {"roles": ["odoo2kafka"], "revision": 1, "passwords": None}
    assert not provider.diff("id", first, same).changes
    assert provider.diff("id", first, {**same, "revision": 2}).changes
