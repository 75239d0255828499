"""Stack files: what is read from good ones, and what is said of bad ones - each case a file in cases/."""

from pathlib import Path

import pytest
import yaml

from bus.config import admin_listener, settings, stack_file
from bus.config.database_roles import ODOO2KAFKA_PASSWORD
from bus.errors import InvalidInput
from tests.support.stacks import SECRETS, config_of, file_of, flat, load_stack

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_problem_of_a_stack_file_is_said_at_once(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    secrets = given.get("secrets", {f"bus:{name}": "s3cret" for name in SECRETS})
    config = flat(given["config"]) | secrets
    with pytest.raises(InvalidInput) as refused:
        settings.load("test", config, set(secrets) - set(given.get("clear", [])))
    lines = [str(problem) for problem in refused.value.problems]
    assert len(lines) == len(given["problems"]), "\n".join(lines)
    for line, parts in zip(sorted(lines), sorted(given["problems"]), strict=True):
        assert line.startswith("Pulumi.test.yaml: " + parts[0]), line
        for part in parts[1:]:
            assert part in line, line
    assert "s3cret" not in str(refused.value)


def test_odoo2kafka_has_a_password_of_its_own_that_of_all_sites_or_odoos() -> None:
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS} | {f"bus:cinecity.{ODOO2KAFKA_PASSWORD}": "own"}
    keys = settings.load("local", flat(config_of("local")) | secrets, set(secrets)).secret_keys
    assert keys["cinecity"][ODOO2KAFKA_PASSWORD] == f"cinecity.{ODOO2KAFKA_PASSWORD}"
    assert keys["central"][ODOO2KAFKA_PASSWORD] == "odoo.postgres.password"


@pytest.mark.parametrize("stack", ["local", "master", "recette", "prod"])
def test_the_stack_files_of_the_project_are_valid(stack: str) -> None:
    assert stack_file.CENTRAL in load_stack(stack).stack_file.sites


def test_master_reproduces_the_figures_of_the_seed() -> None:
    master = load_stack("master")
    central, cinecity = master.stack_file.sites["central"], master.stack_file.sites["cinecity"]
    assert (central.kafka.brokers, central.kafka.replication_factor, central.odoo.database) == (1, 1, "central-mast")
    assert cinecity.odoo.database == "complexe-cinecity2"
    assert settings.cineges_config(master, "central") == {
        "odoo.host": "odoo",
        "odoo.port": "80",
        "odoo.useSsl": "false",
        "odoo.user": "admin",
        "as400.user": "isi",
        "odoo.postgres.user": "odoo",
        "odoo2kafka.postgres.user": "odoo",
    }
    assert settings.cineges_config(master, "cinecity") == {
        "odoo.host": "odoo",
        "odoo.port": "80",
        "odoo.useSsl": "false",
        "odoo.user": "admin",
        "odoo.postgres.user": "odoo",
        "odoo2kafka.postgres.user": "odoo",
        "cineges.cinemaCode": "N-M",
        "o2k.slot.name": "debezium_cinecity_test2",
    }
    assert set(master.secret_keys["central"]) == {*SECRETS, ODOO2KAFKA_PASSWORD}
    assert set(master.secret_keys["cinecity"]) == {*SECRETS, ODOO2KAFKA_PASSWORD} - {"as400.password"}


def test_a_secret_of_a_site_wins_over_the_one_of_all_sites() -> None:
    config = yaml.safe_load((file_of("local")).read_text())["config"]
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS} | {"bus:cinecity.odoo.password": "own"}
    loaded = settings.load("local", flat(config) | secrets, set(secrets))
    assert loaded.secret_keys["cinecity"]["odoo.password"] == "cinecity.odoo.password"
    assert loaded.secret_keys["central"]["odoo.password"] == "odoo.password"


def test_the_admin_port_of_a_site_does_not_depend_on_the_other_sites() -> None:
    local = load_stack("local")
    assert local.admin_port("cinecity") == admin_listener.default_port("hicksoncinecity-local")
    assert 20000 <= local.admin_port("cinecity") <= 30239


def test_settings_do_not_show_secrets() -> None:
    config = yaml.safe_load((file_of("local")).read_text())["config"]
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    assert "s3cret" not in repr(settings.load("local", flat(config) | secrets, set(secrets)))
