"""Logins of a site's Kafka as the engine is told them: who comes before whom, and who is a user at all."""

import shutil
from pathlib import Path

import pytest

from bus.errors import InvalidInput
from bus.plan import build
from tests.support.program import ROOT, plan_of, registrations
from tests.support.stacks import load_stack


def test_logins_come_before_the_brokers_and_users_before_their_first_client(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("local", monkeypatch)
    registered = registrations(plan)
    for site in plan.sites:
        made = {f"{site}-kafka-passwords", f"{site}-kafka-brokers", f"{site}-kafka-kafka-notif"}
        assert made <= registered[f"{site}-base-products-release"].dependencies
        assert f"{site}-base-products-release" in registered[f"{site}-kafka-users"].dependencies
        for client in ("base-topics", "notif-release", "topics", "bricks-release"):
            assert f"{site}-kafka-users" in registered[f"{site}-{client}"].dependencies, client


def test_users_know_of_passwords_that_were_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = registrations(plan_of("local", monkeypatch))
    told = [registered[name].inputs["passwordFingerprint"] for name in ("central-kafka-users", "retired-central-kafka")]
    assert told[0] and told[0] == told[1]
    assert told[0] != registered["cinecity-kafka-users"].inputs["passwordFingerprint"]


def test_old_passwords_are_retired_once_everybody_has_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("local", monkeypatch)
    registered = registrations(plan)
    assert "mirror-cinecity-kafka" in registered["mirror-release"].dependencies
    for site in plan.sites:
        clients = {"mirror-release", "central-bricks-release", "cinecity-bricks-release", f"{site}-notif-release"}
        assert clients <= registered[f"retired-{site}-kafka"].dependencies


def test_tokens_and_names_of_a_secured_site_are_those_that_states_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """State compatibility, as in test_order: what an authorizer adds to central."""
    before = registrations(plan_of("master", monkeypatch))
    registered = registrations(plan_of("local", monkeypatch))
    new = {name: one.type for name, one in registered.items() if name not in before}
    more = {name: type_ for name, type_ in new.items() if not name.startswith(("cinecity-", "retired-cinecity-"))}
    secrets = {name for name, type_ in more.items() if type_ == "kubernetes:core/v1:Secret"}
    assert {name: type_ for name, type_ in more.items() if name not in secrets} == {
        "central-kafka": "bus:index:Logins",
        "central-kafka-passwords": "pulumi-python:dynamic/bus:KafkaPasswords",
        "central-kafka-users": "pulumi-python:dynamic/bus:KafkaUsers",
        "retired-central-kafka": "pulumi-python:dynamic/bus:RetiredPasswords",
    }
    users = ["cineges-central-api", "cineges-central-jobs", "cineges-db2-jobs", "db2kafka", "kafka-notif"]
    users += ["kafka2kafka", "odoo2kafka-job", "brokers"]
    assert secrets == {"mirror-cinecity-kafka", *(f"central-kafka-{user}" for user in users)}
    assert before.keys() <= registered.keys()


def test_a_brick_is_a_user_only_where_it_runs_and_names_a_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    users = {name: site.users for name, site in plan_of("local", monkeypatch).sites.items()}
    assert "cineges-ui" not in users["central"], "it names no topic"
    assert "cineges-central-jobs" not in users["cinecity"], "it does not run there"
    assert users["cinecity"]["cineges-caisse-api"]["topics"] == {
        "cineges.seance.data": "read",
        "cineges.vente.save": "write",
    }
    assert not any(site.users for site in plan_of("master", monkeypatch).sites.values())


def test_a_brick_of_the_base_cannot_wait_for_a_kafka_user(tmp_path: Path) -> None:
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    shutil.copytree(ROOT / "values", tmp_path / "values")
    file = tmp_path / "values/odoo.yml"
    file.write_text(f"{file.read_text()}topics:\n  - name: notifications\n    consumes: true\n")
    with pytest.raises(InvalidInput) as refused:
        build.plan(tmp_path, load_stack("local"))
    assert [str(one).split(";")[0] for one in refused.value.problems] == [
        f"values/odoo.yml: topics = 'odoo': is deployed with hickson-base, before its Kafka user on {site} can be made"
        for site in ("central", "cinecity")
    ]
    assert build.plan(tmp_path, load_stack("master")), "where brokers ask nobody, it may try"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    shutil.copytree(ROOT / "values", tmp_path / "values")
    return tmp_path


def add(project: Path, brick: str, fragment: str) -> None:
    file = project / f"values/{brick}.yml"
    given = file.read_text()
    file.write_text(f"{given}{'' if 'topics:' in given else 'topics:'}\n  - {fragment}\n")


def test_a_brick_does_not_let_itself_use_anothers_topic(project: Path) -> None:
    add(project, "cineges-ui", "{name: as400.film, consumes: true}")
    add(project, "cineges-db2-jobs", "{name: notifications, produces: true}")
    with pytest.raises(InvalidInput) as refused:
        build.plan(project, load_stack("local"))
    assert [str(one).split(", where")[0] for one in refused.value.problems] == [
        "values/cineges-ui.yml: topics[0].consumes = true: cineges-ui wants to read as400.film on central",
        "values/cineges-db2-jobs.yml: topics[1].produces = true: cineges-db2-jobs wants to write notifications on "
        "central",
    ]
    for problem, owner in zip(refused.value.problems, ("db2kafka", "cineges-central-jobs"), strict=True):
        assert f"in values/{owner}.yml: `" in str(problem)
    assert build.plan(project, load_stack("master")), "where brokers ask nobody, nothing is given"


def test_the_line_of_a_refusal_mends_it_and_gives_the_right(project: Path) -> None:
    add(project, "cineges-ui", "{name: as400.film, consumes: true}")
    with pytest.raises(InvalidInput) as refused:
        build.plan(project, load_stack("local"))
    line = str(refused.value.problems[0]).split("`")[1]
    file = project / "values/db2kafka.yml"
    assert line == "readers: [cineges-central-jobs, cineges-ui]"
    file.write_text(file.read_text().replace("readers: [cineges-central-jobs]", line))
    plan = build.plan(project, load_stack("local"))
    assert plan.sites["central"].users["cineges-ui"]["topics"] == {"as400.film": "read"}
    assert "readers" not in plan.sites["central"].topics["as400.film"], "states hold nothing of it"


def test_a_reader_that_no_chart_has_is_refused_on_every_stack(project: Path) -> None:
    file = project / "values/db2kafka.yml"
    file.write_text(file.read_text().replace("readers: [cineges-db2-jobs]", "readers: [cineges-db2-job]"))
    for stack in ("master", "local"):
        with pytest.raises(InvalidInput) as refused:
            build.plan(project, load_stack(stack))
        assert "values/db2kafka.yml: topics[1].readers[0] = 'cineges-db2-job'" in str(refused.value)
        assert "did you mean cineges-db2-jobs?" in str(refused.value)
