"""Which workloads restart when one key of cineges-config or cineges-secret changes, under the real helm."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config.settings import cineges_config
from bus.deployment import Deployment, Release
from bus.merge import merge
from bus.plan import build
from bus.releases.render import charts
from bus.revisions import of_secret
from tests.support.rendered import DEPLOYABLE, ROOT, render
from tests.support.stacks import load_stack

pytestmark = pytest.mark.helm
# site -> key -> who restarts. What is not named here restarts nobody.
CONFIG: dict[str, dict[str, set[str]]] = {
    "central": {
        "odoo.user": {"Deployment cineges-central-api"},
        "odoo.host": {"Deployment cineges-central-api"},
        "odoo.postgres.user": {"Deployment odoo"},
        "odoo2kafka.postgres.user": {"Deployment odoo2kafka-job"},
        "as400.user": {"CronJob db2kafka-film", "CronJob db2kafka-cinema"},
    },
    "cinecity": {
        "odoo.postgres.user": {"Deployment odoo"},
        "odoo2kafka.postgres.user": {"Deployment odoo2kafka-job"},
        "cineges.cinemaCode": {"Deployment cineges-complexe-api"},
    },
}
SECRETS: dict[str, dict[str, set[str]]] = {
    "central": {
        "odoo.password": {"Deployment odoo", "Deployment cineges-central-api"},
        "odoo.masterPassword": {"Deployment odoo"},
        "odoo.postgres.password": {"Deployment odoo"},
        "odoo2kafka.postgres.password": {"Deployment odoo2kafka-job"},
        "as400.password": {"CronJob db2kafka-film", "CronJob db2kafka-cinema"},
    },
    "cinecity": {
        "odoo.password": {"Deployment odoo"},
        "odoo.masterPassword": {"Deployment odoo"},
        "odoo.postgres.password": {"Deployment odoo"},
        "odoo2kafka.postgres.password": {"Deployment odoo2kafka-job"},
    },
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("staged")
    for chart in DEPLOYABLE:
        charts.stage(ROOT / "charts", chart, out)
    return out


@pytest.fixture(scope="module")
def before(staged: Path) -> dict[str, dict[str, str]]:
    plan = build.plan(ROOT, load_stack("local"))
    return {site: workloads(staged, plan, site, {}) for site in plan.sites}


def workloads(staged: Path, deployment: Deployment, site: str, changed: Mapping[str, str]) -> dict[str, str]:
    """Return workload -> its pod template, of every release of a site; `changed` are secrets with another value."""
    found = {}
    for release in deployment.releases(site):
        for document in render(staged / release.chart, with_secrets(release, changed)):
            spec = document.get("spec", {})
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            if "template" in spec and "spec" in spec["template"]:
                found[f"{document['kind']} {document['metadata']['name']}"] = yaml.safe_dump(spec["template"])
    return found


def with_secrets(release: Release, changed: Mapping[str, str]) -> dict[str, Any]:
    known = {key: of_secret("salt", "x", key, changed.get(key, "s3cret")) for key in release.reads.secret}
    return merge(release.values, {"global": {"secretRevisions": known}})


def restarted(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize("site", ["central", "cinecity"])
def test_a_changed_key_of_config_restarts_those_who_read_it(
    staged: Path, before: dict[str, dict[str, str]], site: str
) -> None:
    settings = load_stack("local")
    keys = [*cineges_config(settings, site), "a.further.key"]
    assert CONFIG[site].keys() <= set(keys)
    for key in keys:
        sites = dict(settings.stack_file.sites)
        sites[site] = sites[site].model_copy(update={"config": {key: "another"}})
        plan = build.plan(ROOT, replace(settings, stack_file=settings.stack_file.model_copy(update={"sites": sites})))
        after = workloads(staged, plan, site, {})
        assert restarted(before[site], after) == CONFIG[site].get(key, set()), key


@pytest.mark.parametrize("site", ["central", "cinecity"])
def test_a_changed_secret_restarts_those_who_read_it(
    staged: Path, before: dict[str, dict[str, str]], site: str
) -> None:
    plan = build.plan(ROOT, load_stack("local"))
    roles = plan.sites[site].roles
    assert roles
    assert SECRETS[site].keys() == {*plan.settings.secret_keys[site], *roles.passwords.values()}
    for key in SECRETS[site]:
        after = workloads(staged, plan, site, {key: "another"})
        assert restarted(before[site], after) == SECRETS[site][key], key


def test_a_key_that_a_brick_reads_besides_restarts_it_too(staged: Path) -> None:
    """Variables of values/, of the stack file, and of a base brick whose chart has keys of its own."""
    settings = load_stack("local")
    more = {"odoo": {"envFromConfig": {"CODE": "a.key"}}, "cineges-ui": {"envFromSecret": {"P": "as400.password"}}}

    def rendered(config: str, changed: Mapping[str, str]) -> dict[str, str]:
        sites = dict(settings.stack_file.sites)
        update = {"config": {"a.key": config}, "values": more}
        sites["central"] = sites["central"].model_copy(update=update)
        plan = build.plan(ROOT, replace(settings, stack_file=settings.stack_file.model_copy(update={"sites": sites})))
        return workloads(staged, plan, "central", changed)

    first = rendered("one", {})
    assert restarted(first, rendered("two", {})) == {"Deployment odoo"}
    expected = SECRETS["central"]["as400.password"] | {"Deployment cineges-ui"}
    assert restarted(first, rendered("one", {"as400.password": "another"})) == expected
    assert "another" not in str(first) and "s3cret" not in str(first)
