"""What the schemas of the charts take of names and texts: what Kubernetes takes, and no line break."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.merge import merge
from bus.releases.render import charts, schema

CHARTS = Path(__file__).parents[2] / "charts"
SCHEMAS = {path.parent.name: charts.load_map(path) for path in sorted(CHARTS.glob("*/values.schema.json"))}
INGRESS = "ingress: {enabled: true, hosts: [{host: a.nc, paths: [{pathType: Prefix, path: %s}]}]}"
FREE = INGRESS.replace("Prefix", "ImplementationSpecific")

TAKEN = [
    ("ui-chart", "env: {A: '1', a.b: x, _x: '', -x: y, .x: 'line\nbreak'}"),
    ("ui-chart", "envFromConfig: {A: odoo.host, B: .hidden, C: a..b, D: _}"),
    ("ui-chart", "ingress: {enabled: true, hosts: [{host: '*.cine.nc'}, {host: ''}, {host: a.b-c.nc}]}"),
    ("ui-chart", INGRESS % "/"),
    ("ui-chart", INGRESS % "'/{id: [0-9]+}'"),
    ("ui-chart", FREE % "'/a//b(/|$)(.*)'"),
    ("ui-chart", "ingress: {enabled: true, className: nginx.x, hosts: [], tls: [{secretName: a, hosts: ['*.a.nc']}]}"),
    ("ui-chart", "ingress: {enabled: true, annotations: {a.io/issuer: le, Nginx.io/x_Y: \"a\\nb\"}, hosts: []}"),
    ("ui-chart", "podAnnotations: {prometheus.io/scrape: 'true', plain: ''}"),
    ("ui-chart", "nodeSelector: {kubernetes.io/arch: amd64, disk: ''}"),
    ("ui-chart", "resources: {limits: {nvidia.com/gpu: 1, hugepages-2Mi: 4Mi, memory: 1Gi}}"),
    ("es", "config: {cluster.routing.allocation.node_concurrent_recoveries: '4', logger.org.elasticsearch: debug}"),
    ("es", "persistence: {storageClass: fast.ssd-1, size: 1Gi}"),
    ("kafka", "config: {log.retention.hours: '72', listener.name.x-y.foo: 'a=b, c'}"),
    ("db2kafka", "tables: [{name: a, schedule: '*/30 * * * *'}, {name: b, schedule: '0 3 1,15 jan-mar mon-fri'}]"),
    ("db2kafka", "tables: [{name: a, schedule: '@hourly', env: {A: b}}, {name: b, schedule: '5-10/2  4 * * 0'}]"),
    ("postgres", "database: central-mast_2.x"),
    ("odoo", "database: 2cine"),
    ("hickson-base", "config: {data: {a.b-c_D: \"x\\ny\"}}"),
    ("kafka2kafka", "central: {bootstrapServers: 'kafka:9092,kafka.x.nc:9093'}"),
    ("kafka2kafka", "central: {bootstrapServers: '[::1]:9092'}"),
]  # fmt: skip

REFUSED = [
    ("ui-chart", "env: {\"A\\n\": x}", "env.A\n"),
    ("ui-chart", "env: {\"A\\n  valueFrom: {secretKeyRef: {name: k, key: jaas}}\\n- name: B\": x}", "env.A\n"),
    ("ui-chart", "env: {1A: x}", "env.1A"),
    ("ui-chart", "env: {'A=B': x}", "env.A=B"),
    ("ui-chart", "env: {..a: x}", "env...a"),
    ("ui-chart", "env: {É: x}", "env.É"),
    ("ui-chart", "env: {A: \"\\0\"}", "env.A"),
    ("ui-chart", "envFromConfig: {A: \"odoo.host\\n\"}", "envFromConfig.A"),
    ("ui-chart", "envFromSecret: {A: '..'}", "envFromSecret.A"),
    ("ui-chart", "envFromSecret: {A: 'a, optional: true'}", "envFromSecret.A"),
    ("ui-chart", "ingress: {hosts: [{host: \"ui.example\\n---\\nkind: Pod\"}]}", "ingress.hosts[0].host"),
    ("ui-chart", "ingress: {hosts: [{host: \"ui.example\\n\"}]}", "ingress.hosts[0].host"),
    ("ui-chart", "ingress: {hosts: [{host: 'a.*.nc'}]}", "ingress.hosts[0].host"),
    ("ui-chart", "ingress: {hosts: [{host: '*'}]}", "ingress.hosts[0].host"),
    ("ui-chart", "ingress: {hosts: [{host: Cine.nc}]}", "ingress.hosts[0].host"),
    ("ui-chart", "ingress: {hosts: [{host: 10.0.0.1}]}", "ingress.hosts[0].host"),
    ("ui-chart", INGRESS % "a", "ingress.hosts[0].paths[0].path"),
    ("ui-chart", INGRESS % "/a//b", "ingress.hosts[0].paths[0].path"),
    ("ui-chart", INGRESS % "/a/..", "ingress.hosts[0].paths[0].path"),
    ("ui-chart", INGRESS % "''", "ingress.hosts[0].paths[0].path"),
    ("ui-chart", FREE % "\"/a\\n- x\"", "ingress.hosts[0].paths[0].path"),
    ("ui-chart", "ingress: {className: 'a b'}", "ingress.className"),
    ("ui-chart", "ingress: {annotations: {'a b': c}}", "ingress.annotations.a b"),
    ("ui-chart", "ingress: {annotations: {\"x\\n```\\n/approve\\n\": c}}", "ingress.annotations.x\n"),
    ("ui-chart", "ingress: {tls: [{secretName: \"a\\nb\"}]}", "ingress.tls[0].secretName"),
    ("ui-chart", "podAnnotations: {checksum/config: a}", "podAnnotations.checksum/config"),
    ("ui-chart", "nodeSelector: {a/b/c: d}", "nodeSelector.a/b/c"),
    ("ui-chart", "nodeSelector: {a: 'b c'}", "nodeSelector.a"),
    ("ui-chart", "resources: {limits: {\"x/y\\n\": 1}}", "resources.limits.x/y\n"),
    ("ui-chart", "image: {repository: r, name: \"n\\n\"}", "image.name"),
    ("es", "config: {\"a\\nb\": c}", "config.a\n"),
    ("es", "config: {a: \"b\\n\"}", "config.a"),
    ("es", "javaOpts: \"-Da=b\\n\"", "javaOpts"),
    ("es", "persistence: {storageClass: \"a\\n\"}", "persistence.storageClass"),
    ("kafka", "config: {a: \"b\\nsuper.users=User:me\"}", "config.a"),
    ("kafka", "config: {a: \"b\\rsuper.users=User:me\"}", "config.a"),
    ("kafka", "config: {a: 'b\\'}", "config.a"),
    ("kafka", "config: {'#a': b}", "config.#a"),
    ("kafka", "config: {'a=b\\': c}", "config.a=b\\"),
    ("db2kafka", "tables: [{name: a, schedule: '99 * * * *'}]", "tables[0].schedule"),
    ("db2kafka", "tables: [{name: a, schedule: 'TZ=UTC 1 * * * *'}]", "tables[0].schedule"),
    ("db2kafka", "tables: [{name: a, schedule: '1 * * *'}]", "tables[0].schedule"),
    ("db2kafka", "tables: [{name: \"a\\n\", schedule: '@daily'}]", "tables[0].name"),
    ("db2kafka", "tables: [{name: a, schedule: '@daily', env: {\"A\\n\": b}}]", "tables[0].env.A\n"),
    ("postgres", "database: \"a\\n\"", "database"),
    ("odoo", "database: ''", "database"),
    ("odoo", "postgres: {host: 'a b'}", "postgres.host"),
    ("docker-registry", "htpasswdSecret: 'a, b: c'", "htpasswdSecret"),
    ("docker-registry", "htpasswdSecret: cineges-secret", "htpasswdSecret"),
    ("kafka2kafka", "central: {login: {secret: kafka-brokers}}", "central.login.secret"),
    ("hickson-base", "config: {data: {'a b': c}}", "config.data.a b"),
    ("kafka2kafka", "central: {bootstrapServers: \"kafka:9092\\nx = y\"}", "central.bootstrapServers"),
]  # fmt: skip


def full(chart: str, text: str) -> dict[str, Any]:
    return merge(charts.default_values(CHARTS, chart), yaml.safe_load(text))


@pytest.mark.parametrize(("chart", "text"), TAKEN)
def test_what_kubernetes_takes_is_taken(chart: str, text: str) -> None:
    assert list(schema.errors(SCHEMAS[chart], full(chart, text))) == []


@pytest.mark.parametrize(("chart", "text", "path"), REFUSED)
def test_what_it_would_not_take_is_refused(chart: str, text: str, path: str) -> None:
    found = list(schema.errors(SCHEMAS[chart], full(chart, text)))
    assert len(found) == 1, found
    location, _, allowed = found[0]
    assert charts_path(location).startswith(path)
    assert "must " in allowed or "unknown key" in allowed


def charts_path(location: schema.Location) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in location).removeprefix(".")


@pytest.mark.helm
@pytest.mark.parametrize(("chart", "text"), [(chart, text) for chart, text, *_ in [*TAKEN, *REFUSED]])
def test_helm_judges_as_we_do(chart: str, text: str, tmp_path: Path) -> None:
    folder = charts.stage(CHARTS, chart, tmp_path)
    command = ["helm", "template", "x", str(folder), "--values", "-"]
    given = json.dumps(yaml.safe_load(text))
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ((chart, text) in TAKEN), done.stderr


def places(rules: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below one, with its path."""
    if isinstance(rules, dict):
        yield path, rules
        for key, below in rules.items():
            yield from places(below, f"{path}/{key}")
    elif isinstance(rules, list):
        for below in rules:
            yield from places(below, path)


@pytest.mark.parametrize("chart", SCHEMAS)
def test_no_text_and_no_key_of_a_map_goes_unjudged(chart: str) -> None:
    for path, rules in places(SCHEMAS[chart]):
        types = rules.get("type")
        if types == "string" or (isinstance(types, list) and "string" in types):
            known = {"pattern", "enum", "const"} & rules.keys() or path.rsplit("/", 1)[-1] in (
                "configRevision",
                "secretRevision",
            )
            assert known, path
        if isinstance(rules.get("additionalProperties"), dict) and not path.endswith("/properties"):
            assert "propertyNames" in rules, path


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        ("^[$]$", "$", True),
        ("^[$]$", "$\n", False),
        (r"^\$$", "$", True),
        (r"^\$$", "$\n", False),
        (r"^(a|b$)", "b\n", False),
        (r"^[\]$]+$", "]$", True),
        (r"^\\$", "\\", True),
    ],
)
def test_the_end_of_a_pattern_is_the_end_of_the_text(pattern: str, text: str, matches: bool) -> None:
    assert bool(schema.expression(pattern).search(text)) is matches
