"""Secrets that stand in clear are refused without being shown, and hidden where something else shows them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config import settings
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.compare.changes import HIDDEN, is_secret, leaves
from bus.releases.objects import Key
from bus.releases.render import secrecy
from tests.support.stacks import SECRETS, config_of, flat

ROOT = Path(__file__).parents[2]
NAMED = [
    "DB_PASS",
    "PGPASS",
    "AWS_SECRET_ACCESS_KEY",
    "PRIVATE_KEY",
    "JAAS_CONFIG",
    "SMTP_PWD",
    "ENCRYPTION_KEY",
    "dbPassword",
    "API_KEY",
    "sasl.jaas.config",
    "MYSQL_ROOT_PASSWORD",
    "auth-token",
    "CREDENTIALS",
]
FREE = [
    "MONKEY",
    "KEY",
    "BYPASS",
    "PASSWORD_MIN_LENGTH",
    "TOKEN_URL",
    "SECRET_NAME",
    "KEYBOARD",
    "COMPASS",
    "TOPIC_KEY_FIELD",
    "BRICK_INDEX",
]
TEXT = "hunter2"
SHAPED = {
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n",
    "pkcs8": "-----BEGIN PRIVATE KEY-----",
    "jwt": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".abc_def-1",
    "aws": "AKIA" + "Z" * 16,
    "url": "postgres://odoo:hunter2@db:5432/x",
    "redis": "redis://:hunter2@cache",
    "jaas": 'org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="hunter2";',
    "gitlab": "glpat-" + "a" * 20,
    "github": "ghp_" + "a" * 36,
    "slack": "xoxb-" + "1" * 12,
    "vault": "hvs." + "a" * 24,
}
PLAIN = [
    "http://es:9200",
    "postgres://db/x",
    "https://user@host/",
    "postgres://odoo:$(PGPASSWORD)@db/x",
    'x.ScramLoginModule required password="${dir:/etc/login:password}";',
    "-----BEGIN CERTIFICATE-----",
    "*/30 * * * *",
    "sha256:" + "a" * 64,
]


def refused(tmp_path: Path, values: dict[str, Any], **site: Any) -> list[str]:
    shutil.copytree(ROOT / "values", tmp_path / "values")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    image = {"repository": "dkr.isi.nc", "name": "hickson/cineges-ui", "tag": "1"}
    (tmp_path / "values/cineges-ui.yml").write_text(yaml.safe_dump({"image": image, "values": values}))
    config = config_of("local")
    config["bus:sites"]["central"] |= {key: value for key, value in site.items() if key != "notSecrets"}
    config["bus:notSecrets"] = site.get("notSecrets", [])
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    try:
        build.plan(tmp_path, settings.load("local", flat(config) | secrets, set(secrets)))
    except InvalidInput as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("name", NAMED)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert secrecy.named(name)


@pytest.mark.parametrize("name", FREE)
def test_a_name_with_such_a_word_elsewhere_is_none(name: str) -> None:
    assert not secrecy.named(name)


@pytest.mark.parametrize("text", SHAPED.values(), ids=SHAPED)
def test_a_secret_is_known_by_its_shape(text: str) -> None:
    assert secrecy.shape(text) and secrecy.shape(f"before {text} after")


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_is_none(text: str) -> None:
    assert secrecy.shape(text) == ""


def test_all_in_clear_are_refused_with_their_places_and_none_is_shown(tmp_path: Path) -> None:
    values = {
        "env": {"DB_PASS": TEXT, "PLAIN": SHAPED["url"], "SECRET_KEY": "", "API_TOKEN": "$(OTHER)", "PWD": "/srv/app"},
        "podAnnotations": {"note": SHAPED["jwt"]},
        "tolerations": [{"key": SHAPED["aws"]}],
    }
    lines = refused(tmp_path, values, config={"shop.password": TEXT, "shop.address": "x"})
    assert [line.partition(", ")[0].partition("; ")[0] for line in lines] == [
        "values/cineges-ui.yml: values.env.DB_PASS: is a secret by its name",
        "values/cineges-ui.yml: values.env.PLAIN: looks like a URL with a password",
        "values/cineges-ui.yml: values.podAnnotations.note: looks like a JSON web token",
        "values/cineges-ui.yml: values.tolerations[0].key: looks like a key of AWS",
        "Pulumi.local.yaml: bus:sites.central.config.shop.password: is a secret by its name",
    ]
    assert TEXT not in str(lines) and "eyJ" not in str(lines) and "AKIA" not in str(lines)
    assert lines[0].endswith("if it is none: bus:notSecrets: [DB_PASS]")


def test_one_that_only_looks_like_one_has_a_way_through(tmp_path: Path) -> None:
    values = {"env": {"DB_PASS": "none at all", "EXAMPLE": SHAPED["url"]}}
    assert refused(tmp_path, values, notSecrets=["DB_PASS", "EXAMPLE"]) == []


@pytest.mark.parametrize("name", [*NAMED, "DATABASE_URL"])
def test_previews_hide_by_the_same_rule(name: str) -> None:
    env = f"spec.template.spec.containers[a].env[{name}].value"
    assert is_secret(env, Key("Deployment", "a", "apps/v1"))
    assert is_secret(f"data.{name}", Key("ConfigMap", "a", "v1"))


@pytest.mark.parametrize("text", SHAPED.values(), ids=SHAPED)
def test_previews_hide_by_shape(text: str) -> None:
    shown = dict(leaves({"data": {"some.properties": text, "other": "x"}}, Key("ConfigMap", "a", "v1")))
    assert shown == {"data.some.properties": HIDDEN, "data.other": "x"}
