"""From the tools to a deployed customer: images, cluster, registries, the stack and `pulumi up`."""

import os
import secrets
import subprocess
import sys

from sandbox import places, venv
from sandbox.places import MINE, environment
from sandbox.steps import Background, Step, fail, logged, say, shown
from sandbox.workloads import wait_for_pods

# Only with a registry of one's own are images made for a cluster of one's own.
REGISTRY = os.environ.get("REGISTRY", "")
WITH_IMAGES = bool(REGISTRY) or not MINE
CLUSTER = places.ROOT / "sandbox/cluster"
# As long as a `pulumi up` may take where all releases wait until their timeouts.
LOCK_WAIT_SECONDS = 1800


def steps(parts: Background | None) -> list[Step]:
    """What stands between tools and a deployed customer."""

    def build_images() -> None:
        if parts:
            parts.join()
        _images("build")

    look = "look at the log named above; make down && make up starts the cluster afresh, data kept"
    registries = Step("registries", lambda: logged("registry", [CLUSTER / "registry.sh", "up"], env=environment()))
    servers = Step("cluster and registries", lambda: cluster("up"), takes="25 s", remedy=look)
    with_images = [
        Step("make the images", build_images, takes="3 min"),
        registries if MINE else servers,
        Step("images into the registry", lambda: _images("push"), takes="5 s"),
    ]
    return [
        *(with_images if WITH_IMAGES else []),
        Step("stack local: backend, secrets", _make_stack, takes="5 s"),
        Step("pulumi up", _pulumi_up, takes="3 min", remedy="run the same command again"),
        Step("pods ready", wait_for_pods, remedy="kubectl get pods -A shows which are not; run the same command again"),
    ]


def start_parts() -> Background | None:
    """Fetches what the images are made of while tools compile: one waits for the network, one computes."""
    return Background(lambda: _images("prepare")) if WITH_IMAGES else None


def older_servers() -> Step:
    """Elasticsearch and Kafka of older versions, that only tests run."""
    return Step("older servers", lambda: _images("fetch", "older"), takes="1 min")


def cluster(verb: str) -> None:
    """A verb of cluster/cluster.sh."""
    logged(f"cluster-{verb}", [CLUSTER / "cluster.sh", verb], env=environment())


def _images(verb: str, module: str = "build") -> None:
    """A verb of a module of sandbox.images."""
    logged(f"images-{verb}", [sys.executable, "-m", f"sandbox.images.{module}", verb], env=environment())


def _make_stack() -> None:
    """Backend, passphrase and secrets of stack local; what is there is kept."""
    env = environment()
    places.STATE.mkdir(parents=True, exist_ok=True)
    if not places.PASSPHRASE.exists():
        places.PASSPHRASE.parent.mkdir(parents=True, exist_ok=True)
        work = places.PASSPHRASE.with_suffix(".tmp")
        work.touch(0o600)
        work.write_text(secrets.token_urlsafe(24))
        work.rename(places.PASSPHRASE)
    context = []
    if MINE:
        found = subprocess.run(
            ["kubectl", "config", "current-context"], env=env, capture_output=True, text=True, check=False
        )
        if found.returncode:
            fail(f"KUBECONFIG names no current context: {found.stderr.strip()}")
        context = [found.stdout.strip(), REGISTRY]
    logged("stack", [venv.python(), "-m", "sandbox.stack", *context], env=env)


def _pulumi_up() -> None:
    """The ordinary CLI, which a user of the sandbox may run at any time: a lock of a living run is waited for."""
    env = environment()
    options = ["--stack", places.STACK, "--config-file", str(places.CONFIG)]
    if any(places.STATE.glob(".pulumi/locks/**/*.json")):
        # The same as in a pipeline: it breaks the lock of a dead run of this machine, and no other.
        wait = ["--wait", str(LOCK_WAIT_SECONDS)]
        shown([venv.python(), "-m", "bus", "unlock", *options, *wait], env=env)
    say(f"  $ pulumi up {' '.join(options)}")
    shown(["pulumi", "up", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs", *options], env=env)
