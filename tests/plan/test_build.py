"""Where everything that decides is put together: one whole deployment, and one refusal of each part that may refuse.

The stack differs from every default, and its fragments are of this test: central with five brokers and a registry,
cinecity whose brokers ask nobody and are elsewhere, lyon that mirrors one way, nantes that mirrors nothing.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.config import settings
from bus.deployment import Deployment, Release
from bus.errors import InvalidInput
from bus.plan import build
from bus.releases.render import charts
from bus.revisions import of_config
from tests.support.registry import HTPASSWD, PULL_HTPASSWD
from tests.support.stacks import SECRETS, flat

ROOT = Path(__file__).parents[2]
FRAGMENTS = ("topics", "indices", "policies", "componentTemplates", "pipelines", "indexTemplates")
BRICKS: dict[str, dict[str, Any]] = {
    "kafka-notif": {
        "topics": [
            {"name": "z.notif.done", "partitions": 2, "configs": {"retention.ms": 5}},
            {"name": "a.notif.wanted", "consumes": True},
            {"name": "m.notif.shared", "produces": True},
        ]
    },
    "cineges-central-jobs": {
        "topics": [
            {"name": "m.notif.shared", "readers": ["kafka-*"], "writers": ["kafka-notif"]},
            {
                "name": "cineges.film.data",
                "partitions": 3,
                "configs": {"cleanup.policy": "compact"},
                "readers": ["cineges-caisse-jobs"],
            },
            {"name": "central.only", "sites": ["central"], "replicationFactor": 5},
            {"name": "a.notif.wanted", "readers": ["kafka-notif"]},
        ],
        "indices": [{"name": "ventes", "settings": {"number_of_shards": 3}}, {"name": "films", "sites": ["central"]}],
        "pipelines": [{"name": "titles", "sites": ["central"], "processors": [{"trim": {"field": "title"}}]}],
    },
    "cineges-caisse-jobs": {
        "topics": [
            {"name": "cineges.vente.save", "sites": ["complexe"], "replicationFactor": 1},
            {"name": "cineges.film.data", "consumes": True},
        ],
        "indices": [{"name": "caisses", "sites": ["complexe"], "aliases": {"tills": {}}}],
        "pipelines": [{"name": "tills", "sites": ["complexe"], "processors": [{"trim": {"field": "till"}}]}],
    },
}
Edit = Callable[[dict[str, Any], dict[str, dict[str, Any]]], None]


def stack() -> dict[str, Any]:
    """The keys of the stack file."""
    complexes = {
        name: {"namespace": f"ns-{name}", "cinemaCode": name, "slotName": name, "odoo": {"database": f"odoo-{name}"}}
        for name in ("nantes", "lyon", "cinecity")
    }
    return {
        "bus:customer": "hickson",
        "bus:context": "test",
        "bus:timeouts": {"baseSeconds": 901, "bricksSeconds": 602, "mirrorSeconds": 303},
        "bus:delivery": {"registry": "registry.hickson.nc", "hostedBy": "central"},
        "bus:sites": {
            "nantes": {
                **complexes["nantes"],
                "enable": ["docker-registry"],
                "values": {"postgres": {"enabled": False}, "odoo": {"enabled": False}},
            },
            "lyon": {
                **complexes["lyon"],
                "kafka": {"brokers": 4, "replicationFactor": 2, "authorization": True, "passwordRevision": 7},
                "mirror": {"ctrl2cplx": ["cineges.film.*"]},
                "enable": ["pgadmin"],
            },
            "cinecity": {
                **complexes["cinecity"],
                "kafka": {"brokers": 2, "replicationFactor": 2, "mirrorBootstrapServers": "kafka.cinecity.nc:9093"},
                "mirror": {"ctrl2cplx": ["cineges.*.data", "m.notif.shared"], "cplx2ctrl": ["cineges.*.save"]},
            },
            "central": {
                "namespace": "ns-central",
                "kafka": {"brokers": 5, "replicationFactor": 3, "authorization": True, "passwordRevision": 4},
                "odoo": {"database": "odoo-central"},
                "as400": {"user": "isi"},
                "enable": ["docker-registry"],
                "config": {"more.key": "more"},
            },
        },
        "bus:values": {"kafka2kafka": {"refreshTopicsSeconds": 17}},
    }


def planned(folder: Path, edit: Edit = lambda config, bricks: None) -> Deployment:
    """The deployment of the stack and the bricks, after an edit."""
    config, bricks = stack(), yaml.safe_load(yaml.safe_dump(BRICKS))
    edit(config, bricks)
    (folder / "charts").symlink_to(ROOT / "charts")
    shutil.copytree(ROOT / "values", folder / "values")
    for file in (folder / "values").glob("*.yml"):
        content = {k: v for k, v in yaml.safe_load(file.read_text()).items() if k not in FRAGMENTS}
        file.write_text(yaml.safe_dump({**content, **bricks.get(file.stem, {})}))
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    if "bus:delivery" in config:
        secrets |= {"bus:delivery.username": "bus", "bus:delivery.password": "s3cret"}
        secrets |= {"bus:delivery.pullUsername": "nodes", "bus:delivery.pullPassword": "other"}
        secrets |= {"bus:central.docker-registry.htpasswd": HTPASSWD + PULL_HTPASSWD}
    return build.plan(folder, settings.load("wide", flat(config) | secrets, set(secrets)))


def refusals(folder: Path, edit: Edit) -> list[str]:
    """Every problem of the stack after an edit: file, path and value."""
    with pytest.raises(InvalidInput) as refused:
        planned(folder, edit)
    return [f"{one.file}: {one.path} = {one.value}" for one in refused.value.problems]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return planned(tmp_path_factory.mktemp("wide"))


def described(release: Release) -> dict[str, Any]:
    """A release as wide.yaml has it: without its images and their values, which bricks' CI write."""
    shared = dict(release.values["global"])
    revisions = shared.pop("configRevisions", {})
    return {
        "chart": release.chart,
        "timeout": release.timeout_seconds,
        "delivered": release.delivered,
        "bricks": sorted(release.images),
        "reads": {"config": sorted(release.reads.config), "secret": sorted(release.reads.secret)},
        "global": shared,
        "revisions": sorted(revisions),
    }


def test_the_whole_deployment_of_a_stack(deployment: Deployment) -> None:
    sites = {}
    for name, site in deployment.sites.items():
        parts = ("kind", "config", "base_topics", "topics", "indices", "provisions", "mirrored", "users")
        roles = site.roles
        sites[name] = {part: getattr(site, part) for part in parts} | {
            "roles": {role: sorted(rights) for role, rights in roles.roles.items()} if roles else None,
            "passwords made": sorted(roles.made) if roles else None,
            "releases": {release.name: described(release) for release in site.releases},
        }
        assert (site.name, site.site) == (name, deployment.settings.stack_file.sites[name])
    assert list(sites) == ["central", "cinecity", "lyon", "nantes"]
    wanted = yaml.safe_load((Path(__file__).parent / "wide.yaml").read_text())
    assert sites == wanted["sites"]
    mirror = deployment.mirror
    assert mirror and {mirror.name: described(mirror)} == wanted["mirror"]


def test_order_is_that_of_names_and_not_of_files(deployment: Deployment) -> None:
    for site in deployment.sites.values():
        for part in (site.base_topics, site.topics, site.indices, site.mirrored):
            assert list(part) == sorted(part)


def test_what_typed_settings_fix_reaches_the_releases(deployment: Deployment) -> None:
    central, nantes = deployment.sites["central"], deployment.sites["nantes"]
    assert central.registry and nantes.registry
    assert central.registry.values["htpasswdSecret"] == "docker-registry-auth"
    assert central.registry.values["push"] == {"enabled": True}, "what is delivered goes there"
    own = {key: nantes.registry.values[key] for key in ("htpasswdSecret", "push")}
    assert own == {"htpasswdSecret": "", "push": {"enabled": False}}, "nothing is delivered there: the chart's defaults"
    assert central.base.values["isiinfra"]["kafka"]["replicaCount"] == 5
    assert central.base.values["config"]["data"] == central.config
    assert deployment.sites["lyon"].base.values["pgadmin"]["enabled"] is True
    revisions = central.bricks.values["global"]["configRevisions"]
    assert revisions == {key: one for key, one in of_config(central.config).items() if key in revisions}


def test_the_mirror_has_the_brokers_and_logins_of_both_sides(deployment: Deployment) -> None:
    assert deployment.mirror
    own = {"refreshTopicsSeconds", "central", "complexes"}
    defaults = charts.default_values(ROOT / "charts", "kafka2kafka").keys() - own
    values = {key: value for key, value in deployment.mirror.values.items() if key not in {*defaults, "global"}}
    assert values == {
        "refreshTopicsSeconds": 17,
        "central": {
            "bootstrapServers": "kafka:9092",
            "brokers": ["kafka-headless:9092"],
            "replicationFactor": 3,
            "login": {"secret": "kafka-kafka2kafka", "passwordRevision": 4},
        },
        "complexes": [
            {
                "name": "cinecity",
                "bootstrapServers": "kafka.cinecity.nc:9093",
                "brokers": [],
                "topics": {
                    "ctrl2cplx": ["cineges[.].+[.]data", "m[.]notif[.]shared"],
                    "cplx2ctrl": ["cineges[.].+[.]save"],
                },
                "replicationFactor": 2,
            },
            {
                "name": "lyon",
                "bootstrapServers": "kafka.ns-lyon:9092",
                "brokers": ["kafka-headless.ns-lyon:9092"],
                "topics": {"ctrl2cplx": ["cineges[.]film[.].+"], "cplx2ctrl": []},
                "replicationFactor": 3,
                "login": {"secret": "kafka-kafka2kafka-lyon", "passwordRevision": 7},
            },
        ],
    }


def test_a_stack_that_mirrors_nothing_has_no_mirror_and_no_user_of_it(tmp_path: Path) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, dict[str, Any]]) -> None:
        config["bus:values"] = {}
        for site in config["bus:sites"].values():
            site.pop("mirror", None)

    plan = planned(tmp_path, edit)
    assert plan.mirror is None
    assert not [name for name, site in plan.sites.items() if site.mirrored or "kafka2kafka" in site.users]
    assert "kafka-notif" in plan.sites["central"].users


def test_a_topic_from_several_complexes_names_them_all(tmp_path: Path) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, dict[str, Any]]) -> None:
        config["bus:sites"]["nantes"]["mirror"] = {"cplx2ctrl": ["cineges.*.save", "a.notif.*"]}

    mirrored = planned(tmp_path, edit).sites["central"].mirrored
    assert mirrored == {"a.notif.*": "nantes", "cineges.*.save": "cinecity, nantes"}
    assert list(mirrored) == sorted(mirrored)


def test_everything_that_may_refuse_is_asked_and_all_refusals_come_at_once(tmp_path: Path) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, dict[str, Any]]) -> None:
        config["bus:values"] |= {"kafkaa": {}, "kafka2kafka": {"central": {"replicationFactor": 1}}}
        config["bus:values"]["es"] = {"replicaCount": 2}
        config["bus:values"]["cineges-ui"] = {"image": {"tag": "no tag"}}
        config["bus:values"]["cineges-web"] = {"envFromConfig": {"CODE": "no.key"}}
        config["bus:sites"]["lyon"]["enable"] = ["pgadmin", "db2kafka"]
        config["bus:images"] = {
            "registries": {"dkr.isi.nc": {"caFile": "missing.pem"}},
            "verify": {"keys": ["missing.pub"], "require": False},
        }
        bricks["odoo"] = {"topics": [{"name": "a.notif.wanted", "consumes": True}]}
        jobs = bricks["cineges-central-jobs"]
        jobs["topics"] += [{"name": "wrong name"}, {"name": "too.many", "replicationFactor": 3}]
        jobs["topics"][3]["readers"] = ["kafka-notif", "nobody"]
        jobs["topics"][1]["readers"] = []
        jobs["indices"] += [{"name": "Wrong"}]
        jobs["pipelines"] += [{"name": "titles", "no-key": 1}]

    assert refusals(tmp_path, edit) == [
        "Pulumi.wide.yaml: bus:values.kafkaa = kafkaa",
        "Pulumi.wide.yaml: bus:sites.lyon.enable = db2kafka",
        "values/cineges-central-jobs.yml: topics[4].name = wrong name",
        "values/cineges-central-jobs.yml: indices[2].name = Wrong",
        "values/cineges-central-jobs.yml: pipelines[1].no-key = None",
        "values/cineges-central-jobs.yml: pipelines[1].processors = None",
        "values/cineges-central-jobs.yml: pipelines[1].name = titles",
        "values/cineges-central-jobs.yml: topics[3].readers[1] = nobody",
        "Pulumi.wide.yaml: bus:values.es.replicaCount = None",
        "Pulumi.wide.yaml: bus:values.cineges-ui.image.tag = no tag",
        "values/odoo.yml: topics = odoo",
        "values/cineges-central-jobs.yml: topics.too.many.replicationFactor = 3",
        "values/odoo.yml: topics = odoo",
        "values/cineges-central-jobs.yml: topics.too.many.replicationFactor = 3",
        "Pulumi.wide.yaml: bus:values.kafka2kafka.central.replicationFactor = None",
        "values/cineges-caisse-jobs.yml: topics[1].consumes = true",
        "values/cineges-ui.yml: image = None",
        "Pulumi.wide.yaml: bus:images.registries.dkr.isi.nc.caFile = missing.pem",
        "Pulumi.wide.yaml: bus:images.verify.keys[0] = missing.pub",
        "Pulumi.wide.yaml: bus:values.cineges-web.envFromConfig.CODE = no.key",
        "Pulumi.wide.yaml: bus:values.cineges-web.envFromConfig.CODE = no.key",
        "Pulumi.wide.yaml: bus:values.cineges-web.envFromConfig.CODE = no.key",
    ]


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        ({"ctrl2cplx": ["cineges.*.data"], "cplx2ctrl": ["cineges.film.*"]}, ["ctrl2cplx = cineges.*.data"]),
        ({"cplx2ctrl": ["no.such.*"]}, ["cplx2ctrl[0] = no.such.*"]),
    ],
)
def test_a_mirror_that_cannot_be_is_refused(tmp_path: Path, mirror: dict[str, list[str]], said: list[str]) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, dict[str, Any]]) -> None:
        config["bus:sites"]["cinecity"]["mirror"] = mirror

    assert refusals(tmp_path, edit) == [f"Pulumi.wide.yaml: bus:sites.cinecity.mirror.{one}" for one in said]


def test_without_umbrella_charts_nothing_else_is_judged(tmp_path: Path) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, dict[str, Any]]) -> None:
        config["bus:customer"] = "nobody"
        config["bus:values"]["kafkaa"] = {}

    assert refusals(tmp_path, edit) == ["Pulumi.wide.yaml: bus:customer = nobody"]


@pytest.mark.parametrize(
    ("tag", "refused"),
    [("4.3.1", ["replica"]), ("3.9", ["internal", "replica"]), ("build-7", ["internal", "replica"])],
)
def test_topics_are_refused_by_the_version_of_the_mirrors_image(tmp_path: Path, tag: str, refused: list[str]) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, Any]) -> None:
        config["bus:sites"]["lyon"]["mirror"] = {"ctrl2cplx": ["stock.*"]}
        config["bus:values"]["kafka2kafka"] = {"image": {"tag": tag}}
        topics = [{"name": f"stock.{end}", "sites": ["central"]} for end in ("internal", "replica", "data")]
        brick = next(iter(bricks))
        bricks[brick]["topics"] = [*bricks[brick].get("topics", []), *topics]

    with pytest.raises(InvalidInput) as raised:
        planned(tmp_path, edit)
    said = [str(problem) for problem in raised.value.problems]
    assert [one.split("takes stock.")[1].split(",")[0] for one in said] == refused


def test_a_mirror_older_than_its_replication_policy_is_refused(tmp_path: Path) -> None:
    def edit(config: dict[str, Any], bricks: dict[str, Any]) -> None:
        config["bus:values"]["kafka2kafka"] = {"image": {"tag": "2.8.2"}}

    assert refusals(tmp_path, edit) == ["values/kafka2kafka.yml: image.tag = 2.8.2"]
