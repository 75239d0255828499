"""Order of a stack as the engine is told it: every tier waits for every earlier tier, empty ones included."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bus.config import hosted_registry, settings
from bus.deployment import Deployment
from bus.plan import build
from tests.support.program import ROOT, STACKS, TIERS, plan_of, registrations
from tests.support.program_engine import waits_for
from tests.support.registry import HTPASSWD, PULL_HTPASSWD
from tests.support.stacks import SECRETS, config_of, flat, load_stack


def without_fragments(deployment: Deployment) -> Deployment:
    empty: Mapping[str, Mapping[str, object]] = {}
    sites = {
        name: replace(site, topics=empty, indices=empty, base_topics=empty) for name, site in deployment.sites.items()
    }
    return replace(deployment, sites=sites)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("fragments", ["with_fragments", "without_any_fragment"])
def test_each_tier_waits_for_every_earlier_tier(stack: str, fragments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(stack, monkeypatch)
    registered = registrations(plan if fragments == "with_fragments" else without_fragments(plan))
    for site in plan.sites:
        for number, tier in enumerate(TIERS):
            for role in tier:
                earlier = {f"{site}-{role}" for before in TIERS[:number] for role in before}
                assert earlier <= registered[f"{site}-{role}"].dependencies, f"{site}-{role}"


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack != "prod"])  # prod has none
def test_the_mirror_waits_for_every_resource_of_every_site(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(stack, monkeypatch)
    registered = registrations(plan)
    everything = {f"{site}-{role}" for site in plan.sites for tier in TIERS for role in tier}
    assert everything <= registered["mirror-release"].dependencies


@pytest.mark.parametrize("stack", STACKS)
def test_what_a_site_runs_is_recorded_once_all_of_it_stands_and_whatever_others_do(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(stack, monkeypatch)
    registered = registrations(plan)
    for site in plan.sites:
        record = registered[f"{site}-deployed"]
        own = {f"{site}-{role}" for tier in TIERS for role in tier}
        assert own <= record.dependencies
        assert record.inputs["pins"] == registered["deployment"].inputs["pins"][site]
        others = tuple(f"{other}-" for other in plan.sites if other != site)
        assert not [name for name in waits_for(registered, record.name) if name.startswith(others)]
        assert not [name for name, entry in registered.items() if record.name in entry.dependencies]
    if plan.mirror:
        assert "mirror-release" in registered["deployed-mirror"].dependencies
    assert set(registered["deployment"].dependencies) == {"images"}, "begun before anything is deployed"


@pytest.mark.parametrize("stack", STACKS)
def test_no_site_waits_for_another_site(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(stack, monkeypatch)
    registered = registrations(plan)
    for site in plan.sites:
        others = [f"{other}-" for other in plan.sites if other != site]
        for name in (name for name in registered if name.startswith(f"{site}-")):
            assert not [found for found in waits_for(registered, name) if found.startswith(tuple(others))], name


@pytest.mark.parametrize("stack", STACKS)
def test_a_release_is_removed_by_its_uninstall_and_in_the_reverse_order(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi deletes what waits first: so each uninstall waits for all that its release waits for."""
    registered = registrations(plan_of(stack, monkeypatch))
    releases = [name for name, entry in registered.items() if entry.type == "kubernetes:helm.sh/v3:Release"]
    assert releases
    for name in releases:
        uninstall = f"{name.removesuffix('-release')}-uninstall"
        assert registered[name].deleted_with == uninstall
        assert registered[name].dependencies == registered[uninstall].dependencies | {uninstall}


def test_delivery_comes_before_anything_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("prod", monkeypatch)
    registered = registrations(plan)
    for site in plan.sites:
        for tier in TIERS[1:]:
            for role in tier:
                assert f"{site}-delivery-images" in registered[f"{site}-{role}"].dependencies


def test_a_login_of_the_customers_registry_becomes_a_pull_secret_of_every_site_and_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    plan = build.plan(ROOT, replace(load_stack("prod"), delivery_login=True))
    registered = registrations(plan)
    for site in plan.sites:
        secret = registered[f"{site}-delivery-pull"]
        content = json.loads(secret.inputs["stringData"]["value"][".dockerconfigjson"])
        assert content["auths"]["registry.hickson.nc"]["password"] == "s3cret"
        assert f"{site}-delivery-pull" in registered[f"{site}-base-products-release"].dependencies
        name = secret.inputs["metadata"]["name"]
        for release in plan.releases(site):
            assert release.values["global"]["imagePullSecrets"] == [name]


def hosted_by(site: str) -> Deployment:
    """prod with the registry that it is delivered to on one of its own sites."""
    settings = load_stack("prod")
    sites = dict(settings.stack_file.sites)
    sites[site] = sites[site].model_copy(update={"enable": (hosted_registry.BRICK,)})
    assert settings.stack_file.delivery
    delivery = settings.stack_file.delivery.model_copy(update={"hosted_by": site})
    content = settings.stack_file.model_copy(update={"sites": sites, "delivery": delivery})
    keys = {site: f"{site}.{hosted_registry.KEY}"}
    return build.plan(ROOT, replace(settings, stack_file=content, delivery_login=True, htpasswd_keys=keys))


@pytest.mark.parametrize(("pushes", "pulls"), [(True, False), (False, True), (True, True)])
def test_either_login_makes_the_pull_secret(pushes: bool, pulls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    settings = replace(load_stack("prod"), delivery_login=pushes, pull_login=pulls)
    assert "central-delivery-pull" in registrations(build.plan(ROOT, settings))


def test_the_registry_of_the_stack_takes_images_from_the_pusher_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    registered = registrations(hosted_by("central"))
    users = registered["central-registry-logins"].inputs["stringData"]["value"]
    assert users == {"htpasswd": PULL_HTPASSWD, "htpasswd-push": HTPASSWD}
    assert registered["central-registry-release"].inputs["values"]["push"] == {"enabled": True}
    for site in ("central", "cinecity"):
        host = registered[f"{site}-delivery-images"].inputs["host"]
        assert host == {"site": "central", "namespace": "hicksoncentral-prod", "context": "hickson-central",
                        "mode": "port-forward"}, "images go in through the API server"  # fmt: skip


@pytest.mark.parametrize("site", ["central", "cinecity"])
def test_a_registry_of_the_stack_itself_stands_before_anything_is_delivered_to_any_site(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    plan = hosted_by(site)
    registered = registrations(plan)
    registry = registered[f"{site}-registry-release"]
    assert {f"{site}-namespace", f"{site}-registry-logins"} <= registry.dependencies
    assert not [name for name in waits_for(registered, registry.name) if name.endswith("-delivery-images")]
    for other in plan.sites:
        assert registry.name in registered[f"{other}-delivery-images"].dependencies
        assert registry.name in registered[f"{other}-base-products-release"].dependencies
    values = registry.inputs["values"]
    assert values["htpasswdSecret"] == registered[f"{site}-registry-logins"].inputs["metadata"]["name"]
    assert "s3cret" not in str(values)
    assert values["global"]["secretRevisions"].keys() == {hosted_registry.HTPASSWD}, "another login restarts it"
    assert not values["global"].keys() & {"repository", "imagePullSecrets"}, "it cannot come from itself"
    image = plan.sites[site].registry.images[hosted_registry.BRICK].pinned  # type: ignore[union-attr]
    assert image in plan.images and image not in plan.deliveries(site)
    assert plan.deployed_images[site][hosted_registry.BRICK] == image


def test_a_registry_beside_the_customers_own_is_delivered_like_any_brick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    settings = load_stack("prod")
    sites = dict(settings.stack_file.sites)
    sites["cinecity"] = sites["cinecity"].model_copy(update={"enable": (hosted_registry.BRICK,)})
    content = settings.stack_file.model_copy(update={"sites": sites})
    registered = registrations(build.plan(ROOT, replace(settings, stack_file=content)))
    registry = registered["cinecity-registry-release"]
    assert "cinecity-delivery-images" in registry.dependencies
    assert registry.inputs["values"]["global"]["repository"] == "registry.hickson.nc"
    assert registry.inputs["values"]["htpasswdSecret"] == ""


def test_sites_called_like_each_others_resources_register_no_name_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name that bus.config.names lets pass: the recording engine refuses what is registered twice."""
    monkeypatch.chdir(ROOT)
    config, secrets = config_of("local"), {f"bus:{name}": "s3cret" for name in SECRETS}
    model = config["bus:sites"]["cinecity"]
    roles = ("kafka", "kafka-users", "registry", "topics", "indices", "notif", "bricks", "delivery", "namespace")
    for name in ("x", *(f"x-{role}" for role in roles), "retired-x", "mirror", "mirror-x", "images", "kafka2kafka"):
        own = {"namespace": f"n-{name}", "slotName": name, "cinemaCode": name, "enable": [hosted_registry.BRICK]}
        config["bus:sites"][name] = {**model, **own}
    config["bus:delivery"] = {"registry": "registry.hickson.nc"}
    loaded = settings.load("test", flat(config) | secrets, set(secrets))
    keys = {site: f"{site}.{hosted_registry.KEY}" for site in loaded.stack_file.sites}
    registered = registrations(build.plan(ROOT, replace(loaded, delivery_login=True, htpasswd_keys=keys)))
    assert {"x-kafka-users", "x-kafka-users-topics", "mirror-x-kafka", "retired-retired-x-kafka"} <= registered.keys()


def test_providers_neither_replace_a_cluster_nor_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """By themselves: all that stands on a cluster with another address (docs/adr/0037), and a Secret that changes."""
    registered = registrations(plan_of("prod", monkeypatch))
    clusters = {one.name: one.inputs for one in registered.values() if one.type == "pulumi:providers:kubernetes"}
    assert {name: (given["clusterIdentifier"], given["enableSecretMutable"]) for name, given in clusters.items()} == {
        "central-cluster": ("central", "true"),
        "cinecity-cluster": ("cinecity", "true"),
    }


def test_nothing_of_a_site_starts_before_its_cluster_is_known_to_be_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered = registrations(plan_of("local", monkeypatch))
    pin = "cinecity-cluster-pin"
    made = [one for one in registered.values() if one.name.startswith("cinecity-") and one.dependencies]
    assert len(made) > 10
    assert [one.name for one in made if pin not in one.dependencies] == []


def test_tokens_and_names_are_those_that_states_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """State compatibility: a change here needs an alias and a line in CHANGELOG.md."""
    registered = registrations(plan_of("master", monkeypatch))
    tokens = {name: entry.type for name, entry in registered.items() if not name.startswith("cinecity-")}
    assert tokens == {
        "hickson": "bus:index:Bus",
        "revision-salt": "pulumi-python:dynamic/bus:Salt",
        "images": "pulumi-python:dynamic/bus:ImagePins",
        "deployment": "pulumi-python:dynamic/bus:Attempt",
        "central-deployed": "pulumi-python:dynamic/bus:Deployed",
        "deployed-mirror": "pulumi-python:dynamic/bus:Deployed",
        "central-cluster": "pulumi:providers:kubernetes",
        "central-cluster-pin": "pulumi-python:dynamic/bus:ClusterPin",
        "central-namespace": "kubernetes:core/v1:Namespace",
        "central-base": "bus:index:Base",
        "central-base-secret": "kubernetes:core/v1:Secret",
        "central-postgres-passwords": "pulumi-python:dynamic/bus:PostgresPasswords",
        "central-base-roles": "pulumi-python:dynamic/bus:PostgresRoles",
        "central-base-roles-settled": "pulumi-python:dynamic/bus:PostgresRoles",
        "central-base-products": "bus:index:Umbrella",
        "central-base-products-release": "kubernetes:helm.sh/v3:Release",
        "central-base-products-uninstall": "pulumi-python:dynamic/bus:Uninstall",
        "central-base-topics": "pulumi-python:dynamic/bus:TopicSet",
        "central-notif": "bus:index:Notif",
        "central-notif-release": "kubernetes:helm.sh/v3:Release",
        "central-notif-uninstall": "pulumi-python:dynamic/bus:Uninstall",
        "central-topics": "pulumi-python:dynamic/bus:TopicSet",
        "central-indices": "pulumi-python:dynamic/bus:IndexSet",
        "central-bricks": "bus:index:Central",
        "central-bricks-release": "kubernetes:helm.sh/v3:Release",
        "central-bricks-uninstall": "pulumi-python:dynamic/bus:Uninstall",
        "mirror": "bus:index:Mirror",
        "mirror-release": "kubernetes:helm.sh/v3:Release",
        "mirror-uninstall": "pulumi-python:dynamic/bus:Uninstall",
    }


def test_no_secret_is_in_clear_in_what_helm_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = registrations(plan_of("local", monkeypatch))
    releases = [entry for entry in registered.values() if entry.type == "kubernetes:helm.sh/v3:Release"]
    assert len(releases) == 7
    assert not [entry.name for entry in releases if "s3cret" in str(entry.inputs)]
