"""What stands beside a bundle's images: how the customer's operators install it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from bus.bundle import contents, making
from bus.bundle.archive import BadBundle
from bus.deployment import Deployment
from bus.images.registry.registries import Access
from bus.releases.render import charts
from tests.support.bundled import ROOT, plan_of


def test_every_secret_that_the_manifests_count_on_is_made_first_and_from_a_file() -> None:
    said = readme(plan_of(login=True, registry=True))
    cinecity, central = said.split("\ncinecity:\n")[1], said.split("\ncentral:\n")[1].split("\ncinecity:\n")[0]
    for part in (central, cinecity):
        assert part.index(" bus-registry -n ") < part.index("kubectl apply -n")
    assert said.count(" docker-registry-auth -n hicksoncentral-prod --from-file=htpasswd=FILE") == 1
    made = [line for line in said.splitlines() if "create secret" in line]
    assert len(made) == 5 and not [line for line in made if "--from-" not in line]


@pytest.mark.helm
@pytest.mark.helm
def test_a_bundle_makes_no_roles_so_odoo2kafka_logs_in_as_odoo_does(tmp_path: Path) -> None:
    plan = plan_of()
    central = plan.sites["central"]
    staged = {r.chart: charts.stage(ROOT / "charts", r.chart, tmp_path / ".charts") for r in plan.releases("central")}
    contents.write_site(tmp_path, plan, central, staged)
    base = yaml.safe_load_all((tmp_path / "manifests/central/1-centralbase.yaml").read_text())
    (config,) = [one for one in base if one and one["metadata"]["name"] == "cineges-config"]
    assert config["data"]["odoo2kafka.postgres.user"] == config["data"]["odoo.postgres.user"] == "odoo"
    assert central.config["odoo2kafka.postgres.user"] == "odoo2kafka", "where the program makes its role"
    assert "odoo2kafka.postgres.password is that of odoo.postgres.password" in readme(plan)


def test_secrets_that_nothing_counts_on_are_not_asked_for() -> None:
    said = readme(plan_of())
    assert "bus-registry" not in said and "docker-registry-auth" not in said


def test_a_registry_that_is_part_of_the_stack_cannot_be_loaded_into(tmp_path: Path) -> None:
    plan = plan_of(login=True, registry=True, hosted_by="central")
    with pytest.raises(BadBundle, match="a bundle is loaded before anything of it runs"):
        making.make(ROOT, plan, tmp_path / "x.tar", Access())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["[]", "{}", '{"other": 1}', "no JSON", ""])
def test_a_description_of_another_make_is_refused(text: str) -> None:
    with pytest.raises(BadBundle, match=r"bundle\.json cannot be read: .*another version of bus"):
        contents.Bundle.read(text.encode())


BUNDLE = contents.Bundle("hickson", "prod", "registry.hickson.nc", 7, "2026-11-30T20:00:00Z")
DIGEST = f"sha256:{'a' * 64}"


def readme(deployment: Deployment, fingerprint: str = "") -> str:
    return contents.readme(deployment, BUNDLE, fingerprint)


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:/home/x/.kube/config",
        "sha256:../../x",
        "sha256:" + "A" * 64,
        "sha512:" + "a" * 128,
        "a" * 64,
        DIGEST + "\n",
    ],
)
def test_a_digest_that_is_none_is_refused(digest: str) -> None:
    image = {"source": "a/b:1", "digest": DIGEST, "why": []}
    for changed in ({"images": {"r.nc/a:1": {**image, "digest": digest}}}, {"elsewhere": {digest: "a"}}):
        content = json.dumps({**asdict(BUNDLE), "images": {"r.nc/a:1": image}, **changed}).encode()
        with pytest.raises(BadBundle, match=r"bundle\.json cannot be read"):
            contents.Bundle.read(content)


def test_the_readme_names_the_key_and_whom_it_is_for() -> None:
    signed, unsigned = readme(plan_of(), "ab12"), readme(plan_of())
    for verb in ("verify", "load"):
        line = f"bus bundle {verb} FILE --public-key PUBLIC_KEY.pem --customer hickson --stack prod"
        assert line in signed and line not in unsigned
        assert f"bus bundle {verb} FILE --unsigned --customer hickson --stack prod" in unsigned
    assert "ab12" in signed and "NOT SIGNED" in unsigned


def test_namespaces_come_with_their_labels(tmp_path: Path) -> None:
    """A namespace made by hand has no Pod Security level."""
    plan = plan_of()
    assert "kubectl create namespace" not in readme(plan)
    for site in plan.sites:
        assert f"kubectl apply -f manifests/{site}/0-namespace.yaml" in readme(plan)
        assert plan.namespace_labels(site)["pod-security.kubernetes.io/enforce"] == "restricted"
