"""docs/configuration.md and the schemas of stack and brick files: current, and of one mind with what judges."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bus.config.bricks import BrickFile
from bus.config.parsing import parse
from bus.docgen import markers, reference

ROOT = reference.ROOT
CASES = sorted((ROOT / "tests/config/cases").glob("*.yaml"))
# What shows only when keys are seen together, or by their meaning; an editor takes the rest of the cases amiss, too.
TOGETHER = {
    "cinema_code_missing",
    "cinema_code_used_twice",
    "delivery_by_a_user_that_the_registry_does_not_know",
    "delivery_extra_image_unreadable",
    "delivery_hosted_and_one_password_for_both",
    "delivery_hosted_and_one_user_for_both",
    "delivery_hosted_by_a_site_without_registry_or_login",
    "delivery_hosted_by_an_unknown_site",
    "delivery_hosted_without_a_login_that_pulls",
    "delivery_user_without_password",
    "htpasswd_without_bcrypt",
    "kafka_authorization_of_brokers_elsewhere",
    "kafka_authorization_with_zookeeper",
    "mirror_patterns_on_central",
    "missing_secret",
    "missing_secret_of_central_only",
    "namespace_of_a_key_misspelt",
    "no_central",
    "no_cluster_named",
    "no_secrets_at_all",
    "offline_allowed_for_no_complexe",
    "overlapping_admin_ports",
    "registries_with_a_scheme",
    "replication_above_brokers",
    "secret_in_clear",
    "secret_inside_a_structured_value",
    "secret_of_an_unknown_site",
    "site_called_like_a_release",
    "site_called_like_another_with_base",
    "site_name_too_long_for_a_label",
    "site_name_too_long_for_a_release",
    "slot_missing",
    "slot_used_twice",
    "two_sites_in_one_namespace",
    "unknown_secret",
}


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_what_is_checked_in_is_current() -> None:
    said = "run python3 -m bus.docgen.reference"
    assert reference.STACK_FILE.read_text() == markers.as_json(reference.stack_schema()), said
    assert reference.BRICK_FILE.read_text() == markers.as_json(reference.brick_schema()), said
    assert reference.PAGE.read_text() == reference.page(reference.PAGE.read_text()), said


def test_every_key_is_explained() -> None:
    rows = [line.split("|") for line in reference.PAGE.read_text().splitlines() if line.startswith(("| `bus", "| `im"))]
    assert len(rows) > 60
    assert [row[1].strip() for row in rows if not row[-2].strip()] == []


@pytest.mark.parametrize("stack", ["local", "master", "recette", "prod"])
def test_an_editor_takes_the_stack_files_of_the_project(stack: str) -> None:
    file = ROOT / ("sandbox" if stack == "local" else "") / f"Pulumi.{stack}.yaml"
    text = file.read_text()
    schema = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / schema).resolve() == (ROOT / reference.STACK_FILE).resolve()
    validator(reference.stack_schema()).validate(yaml.safe_load(text))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_an_editor_and_a_deployment_agree_on_a_stack_file(case: Path) -> None:
    file = {"config": yaml.safe_load(case.read_text())["config"]}
    assert validator(reference.stack_schema()).is_valid(file) == (case.stem in TOGETHER)


@pytest.mark.parametrize(
    ("key", "value", "is_valid"),
    [
        ("bus:odoo.password", {"secure": "v1:abc"}, True),
        ("bus:odoo.password", "clear", False),
        ("bus:cinecity.odoo.password", {"secure": "v1:abc"}, True),
        ("bus:cinecity.kubeconfig", {"secure": "v1:abc"}, True),
        ("bus:kubeconfig", {"secure": "v1:abc"}, False),
        ("bus:delivery.password", {"secure": "v1:abc"}, True),
        ("bus:odoo.pasword", {"secure": "v1:abc"}, False),
        ("bus:allowOfflinePreview", "true", True),
        ("bus:allowOfflinePreview", True, True),
        ("bus:allowOfflinePreview", "yes", False),
        ("kubernetes:context", "bureau", True),
    ],
)
def test_keys_as_pulumi_writes_them(key: str, value: object, is_valid: bool) -> None:
    file = yaml.safe_load((ROOT / "Pulumi.master.yaml").read_text())
    file["config"][key] = value
    assert validator(reference.stack_schema()).is_valid(file) == is_valid


@pytest.mark.parametrize("brick", sorted(path.stem for path in (ROOT / "values").glob("*.yml")))
def test_an_editor_takes_the_brick_files_of_the_project(brick: str) -> None:
    text = (ROOT / f"values/{brick}.yml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../docs/schema/brick-file.json\n")
    validator(reference.brick_schema()).validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("{}", True),
        ("image: {repository: dkr, name: a, tag: '1'}", True),
        ("image: {repository: dkr, name: a, tag: 1.1}", False),
        ("image: {repository: dkr, name: a, tag: '1', digest: sha256:abc}", False),
        ("image: {repository: dkr, name: a}", False),
        ("imagee: {}", False),
        ("values: {replicaCount: 2}", True),
        ("values: [replicaCount]", False),
    ],
)
def test_an_editor_and_a_deployment_agree_on_a_brick_file(text: str, is_valid: bool) -> None:
    raw = yaml.safe_load(text)
    assert validator(reference.brick_schema()).is_valid(raw) == is_valid
    assert (not parse(BrickFile, raw, "")[1]) == is_valid


def test_a_fragment_is_judged_where_it_stands() -> None:
    schema = validator(reference.brick_schema())
    assert schema.is_valid({"topics": [{"name": "t", "configs": {"retention.ms": 5000}}]})
    assert not schema.is_valid({"topics": [{"name": "t", "configs": {"retention.sm": 5000}}]})
    assert not schema.is_valid({"indices": [{"name": "films", "reindex": {"mode": "now"}}]})
    assert not schema.is_valid({"indexTemplates": [{"nam": "x"}]})
