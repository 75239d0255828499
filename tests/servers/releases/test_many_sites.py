"""More sites than the program has threads: `pulumi up` ends all the same.

The SDK has four threads for each unit of `--parallel`, and each release that waits for the engine keeps one of them.
"""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.releases.recovery import records
from tests.support.engine import Engine
from tests.support.kwok import Kwok

pytestmark = pytest.mark.servers
SITES = 6
UP = ("up", "--yes", "--skip-preview", "--parallel", "1")
# A run that hangs does so for ever; one that goes on tells of a step every few seconds, on a busy machine too.
SILENT_SECONDS = 180.0
PROGRAM = """
import os, sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, {root!r})
import pulumi
import pulumi_kubernetes as k8s

from bus.cluster.access import Cluster
from bus.deployment import Release
from bus.releases.recovery import records
from bus.releases.recovery.state import description
from bus.releases.render.values import with_defaults
from components.release_hooks import wanted_of
from components.umbrella import Umbrella, UmbrellaArgs

provider = k8s.Provider("cluster", upsert_existing_objects=True)
kubeconfig = Path(os.environ["KUBECONFIG"]).read_text()
below = pulumi.ResourceOptions(providers={{"kubernetes": provider}})
for number in range(int(os.environ["SITES"])):
    name = f"{namespace}-{{number}}"
    namespace = k8s.core.v1.Namespace(name, metadata={{"name": name}}, opts=pulumi.ResourceOptions(provider=provider))
    cluster = Cluster(kubeconfig=kubeconfig, namespace=name)
    values = with_defaults(Path("charts"), "tiny", {{"text": os.environ["TEXT"]}})
    release = Release("r", "tiny", values, int(os.environ["SECONDS_TO_WAIT"]))
    said = description(records.read(cluster, ["r"])["r"], wanted_of(release), datetime.now(UTC))
    release = replace(release, cluster=cluster, description=said)
    Umbrella(f"site-{{number}}", UmbrellaArgs(release, name, [namespace]), below)
"""


@pytest.fixture
def engine(kwok: Kwok, tmp_path: Path) -> Iterator[Engine]:
    found = Engine(kwok, tmp_path, f"many-{uuid.uuid4().hex[:6]}")
    found.prepare(PROGRAM)
    yield found
    found.end()


def hangs(engine: Engine, **settings: str) -> bool:
    """Whether `pulumi up` has to be killed, since the engine tells of nothing more."""
    told, since = 0, time.monotonic()

    def look() -> bool:
        nonlocal told, since
        time.sleep(0.5)
        if (now := engine.events_told()) != told:
            told, since = now, time.monotonic()
        return time.monotonic() - since > SILENT_SECONDS

    return engine.killed_when(look, *UP, SITES=str(SITES), **settings)


def test_six_sites_are_deployed_and_changed_with_parallel_1(engine: Engine) -> None:
    assert not hangs(engine), "the first deployment"
    assert statuses(engine) == [["deployed"]] * SITES
    assert not hangs(engine, TEXT="two"), "a change of every site"
    assert statuses(engine) == [["superseded", "deployed"]] * SITES


def statuses(engine: Engine) -> list[list[str]]:
    """The statuses of each site's records, oldest first."""
    found = [records.read(engine.kwok.cluster(f"{engine.namespace}-{number}"), ["r"])["r"] for number in range(SITES)]
    return [[record.status for record in sorted(of_site, key=lambda one: one.revision)] for of_site in found]
