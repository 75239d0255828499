"""Revisions of the keys of cineges-config and cineges-secret, and which release is given which of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from bus.deployment import Deployment
from bus.plan import build
from bus.revisions import KeysRead, keys_read, of_config, of_secret
from components.bus import Bus, BusArgs
from tests.support import program_engine
from tests.support.stacks import load_stack

ROOT = Path(__file__).parents[1]


def test_a_changed_key_changes_its_own_revision_only() -> None:
    before = of_config({"odoo.user": "admin", "odoo.host": "odoo"})
    after = of_config({"odoo.user": "other", "odoo.host": "odoo", "new": ""})
    assert {key for key in after if before.get(key) != after[key]} == {"odoo.user", "new"}


def test_a_secrets_revision_tells_nothing_without_the_salt() -> None:
    known = of_secret("salt", "central/cineges-secret", "odoo.password", "1234")
    assert known == of_secret("salt", "central/cineges-secret", "odoo.password", "1234")
    others = [
        of_secret("another", "central/cineges-secret", "odoo.password", "1234"),
        of_secret("salt", "cinecity/cineges-secret", "odoo.password", "1234"),
        of_secret("salt", "central/cineges-secret", "as400.password", "1234"),
        of_secret("salt", "central/cineges-secret", "odoo.password", "12345"),
        of_secret("salt", "central/cineges-secret\0odoo", "password", "1234"),
    ]
    assert known not in others and len(set(others)) == len(others)


def test_keys_are_read_by_the_bricks_that_name_them() -> None:
    api = {"envFromConfig": {"A": "odoo.user", "B": "odoo.host"}, "envFromSecret": {"C": "odoo.password"}}
    odd = {"envFromConfig": None, "envFromSecret": ["odoo.password"], "env": {"X": "y"}}
    read = keys_read([api, odd, {}])
    assert read == KeysRead(frozenset({"odoo.user", "odoo.host"}), frozenset({"odoo.password"}))


def _plan(config: Mapping[str, str]) -> Deployment:
    settings = load_stack("local")
    sites = dict(settings.stack_file.sites)
    sites["central"] = sites["central"].model_copy(update={"config": dict(config)})
    return build.plan(ROOT, replace(settings, stack_file=settings.stack_file.model_copy(update={"sites": sites})))


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return _plan({})


def _of_releases(deployment: Deployment) -> dict[tuple[str, str], Mapping[str, str]]:
    """site and release -> key of cineges-config -> revision."""
    releases = [(site, release) for site in deployment.sites for release in deployment.releases(site)]
    return {(site, one.name): one.values["global"].get("configRevisions", {}) for site, one in releases}


def _given(
    deployment: Deployment, own: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Mapping[str, str]]:
    """Pulumi's name of a release -> key of a secret -> revision. `own` are secrets of central."""
    monkeypatch.chdir(ROOT)

    def program() -> None:
        secrets = {
            site: {key: own.get(key, "s3cret") if site == "central" else "s3cret" for key in keys}
            for site, keys in deployment.settings.secret_keys.items()
        }
        hidden = {site: {key: pulumi.Output.secret(value) for key, value in of.items()} for site, of in secrets.items()}
        Bus("hickson", BusArgs(deployment, hidden, {}))

    registered = program_engine.record(program).values()
    releases = [one for one in registered if one.type == "kubernetes:helm.sh/v3:Release"]
    given = {one.name: one.inputs["values"]["global"].get("secretRevisions", {}) for one in releases}
    made = {key for key in SECRETS if key in deployment.settings.secret_keys["central"]}
    return {name: {key: known[key] for key in known if key in made} for name, known in given.items()}


BASE, BRICKS = ("central", "centralbase"), ("central", "central")
CONFIG = {
    "odoo.user": {BASE, BRICKS},
    "as400.user": {BASE, BRICKS},
    "odoo.port": {BASE},
    "a.new.key": {BASE},
}


@pytest.mark.parametrize("key", CONFIG)
def test_a_changed_key_of_config_reaches_the_releases_that_read_it(deployment: Deployment, key: str) -> None:
    before, after = _of_releases(deployment), _of_releases(_plan({key: "another"}))
    assert {release for release in before if before[release] != after[release]} == CONFIG[key]


SECRETS = {
    "odoo.password": {"central-base-products-release", "central-bricks-release"},
    "odoo.masterPassword": {"central-base-products-release"},
}


@pytest.mark.parametrize("key", SECRETS)
def test_a_changed_secret_reaches_the_releases_that_read_it(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch, fixed_salt: None
) -> None:
    before, after = _given(deployment, {}, monkeypatch), _given(deployment, {key: "another"}, monkeypatch)
    assert {release for release in before if before[release] != after[release]} == SECRETS[key]
    given = before["central-bricks-release"]
    assert given == {one: of_secret("fixed", "central/cineges-secret", one, "s3cret") for one in given}
    assert given.keys() == {"odoo.password"}


@pytest.fixture
def fixed_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(_bytes: Any) -> str:
        return "fixed"

    monkeypatch.setattr("components.providers.salt.secrets.token_urlsafe", make)
