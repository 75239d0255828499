"""usage: python3 -m sandbox up|down|clean|status|check|test|env|kwok

up      tools, cluster, registries, images, and `pulumi up` of stack local; CLUSTER=mine uses your KUBECONFIG instead
down    stops the sandbox and keeps its data          clean   removes the data too (tools stay in the cache)
check   the fast tests                                test    all of them, real servers included
env     prints what a shell needs (see env.sh)        kwok    a second cluster with NODES fake nodes
"""

import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sandbox import places, tools
from sandbox.places import MINE, environment
from sandbox.steps import Background, Step, fail, logged, on_terminate, run_steps, say, shown

# Only with a registry of one's own are images made for a cluster of one's own.
REGISTRY = os.environ.get("REGISTRY", "")
WITH_IMAGES = bool(REGISTRY) or not MINE
_CLUSTER = places.ROOT / "sandbox/cluster"
_PROGRAMS = (
    "containerd",
    "runc",
    "iptables",
    "conntrack",
    "ethtool",
    "docker-registry",
    "debootstrap",
    "mvn",
    "openssl",
)
_PACKAGES = ("containerd", "runc", "containernetworking-plugins", "iptables", "conntrack", "ethtool", "docker-registry",
             "debootstrap", "maven", "openssl", "curl")  # fmt: skip


def python() -> Path:
    """The venv's Python."""
    return places.venv() / "bin/python"


def venv_ready() -> bool:
    """Whether the venv of this lock is whole and the checkout points to it."""
    link = places.ROOT / ".venv"
    return (places.venv() / ".complete").exists() and link.is_symlink() and link.resolve() == places.venv().resolve()


def make_venv() -> None:
    """Python packages at the lock's hashes."""
    folder = places.venv()
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        logged("venv", [sys.executable, "-m", "venv", folder])
        lock = places.ROOT / "requirements.lock"
        logged(
            "venv", [folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", lock]
        )
        (folder / ".complete").touch()
    work = places.ROOT / ".venv.tmp"
    work.unlink(missing_ok=True)
    work.symlink_to(folder)
    work.replace(places.ROOT / ".venv")


def programs_ready() -> bool:
    """Whether the system programs that the sandbox runs are installed."""
    return all(shutil.which(name) for name in _PROGRAMS) and Path("/usr/lib/cni/bridge").exists()


def install_programs() -> None:
    """Debian packages; needs root, as the node does."""
    if os.geteuid() != 0:
        fail("the sandbox's node needs root; run as root, or use a cluster of your own: make up CLUSTER=mine")
    if not shutil.which("apt-get"):
        fail(f"no apt-get here: install {', '.join(_PACKAGES)}, then run again; or make up CLUSTER=mine")
    install = ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        logged("apt", install, env=env)
    except subprocess.CalledProcessError:
        say("  once more, with fresh package lists")
        logged("apt", ["apt-get", "update"], env=env)
        logged("apt", install, env=env)


def cluster(verb: str) -> None:
    """A verb of cluster/cluster.sh."""
    logged(f"cluster-{verb}", [_CLUSTER / "cluster.sh", verb], env=environment())


def images(verb: str) -> None:
    """A verb of sandbox.images.build."""
    logged(f"images-{verb}", [sys.executable, "-m", "sandbox.images.build", verb], env=environment())


def make_stack() -> None:
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
    logged("stack", [python(), "-m", "sandbox.stack", *context], env=env)


def pulumi_up() -> None:
    """The ordinary CLI; only the updates of the sandbox ever lock this backend, and one run holds `only_one`."""
    env = environment()
    options = ["--stack", places.STACK, "--config-file", str(places.CONFIG)]
    if any(places.STATE.glob(".pulumi/locks/**/*.json")):
        say("  an update was killed: its lock is taken away")
        shown(["pulumi", "cancel", places.STACK, "--yes"], env=env)
    say(f"  $ pulumi up {' '.join(options)}")
    shown(["pulumi", "up", "--yes", "--skip-preview", "--refresh=false", "--suppress-outputs", *options], env=env)


_OF_HELM = ("-A", "-l", "app.kubernetes.io/managed-by=Helm")
_READY_SECONDS = 600


def wait_for_pods() -> None:
    """Pods that a cluster starts again are no change for pulumi, so it does not wait for them."""
    env, begun = environment(), time.monotonic()
    while waiting := unready(kubectl_json("get", "deployments,statefulsets", *_OF_HELM)):
        seconds = time.monotonic() - begun
        if seconds > _READY_SECONDS:
            shown(["kubectl", "get", "pods", *_OF_HELM], env=env)
            shown(["kubectl", "get", "events", "-A", "--field-selector", "type=Warning"], env=env)
            raise subprocess.CalledProcessError(1, f"waiting for {', '.join(waiting)}")
        if int(seconds) % 30 == 29:
            say(f"  {seconds:.0f} s, waiting for {', '.join(waiting)}"[:160])
        time.sleep(1)


def kubectl_json(*arguments: str) -> dict[str, Any]:
    """What kubectl answers as JSON."""
    command = ["kubectl", *arguments, "-o", "json"]
    done = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def unready(workloads: dict[str, Any]) -> list[str]:
    """namespace/name of the workloads that have fewer ready pods than they want; those of Jobs end by themselves."""
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in workloads["items"]
        if item["status"].get("readyReplicas", 0) < item["spec"]["replicas"]
        or item["status"].get("observedGeneration", 0) < item["metadata"]["generation"]
    ]


def show() -> None:
    """What runs where, and how to look at it."""
    env = environment()
    shown(["kubectl", "get", "pods", *_OF_HELM], env=env)
    site = "hicksoncentral-local"
    print(
        f"""
Look at it (first: . sandbox/env.sh):
  kubectl -n {site} get pods
  kubectl -n {site} exec kafka-0 -- \\
    /opt/kafka/bin/kafka.sh topics --bootstrap-server kafka:9092 --describe --topic cineges.film.data
  kubectl get --raw /api/v1/namespaces/{site}/services/es:9200/proxy/films/_search
  helm -n {site} list
  pulumi preview --stack local --config-file "$BUS_CONFIG_FILE"
Change Pulumi.local.yaml, values/ or charts/ and run make up again; make test proves it; make down stops it.""",
        flush=True,
    )


COMPILE = Step("compile the tools", tools.build, tools.ready, "20 to 35 min")
PREPARE = [
    Step("system programs", install_programs, programs_ready, "30 s"),
    Step("Python packages", make_venv, venv_ready, "1 min"),
]


def steps_to_deploy(parts: Background | None) -> list[Step]:
    """What stands between tools and a deployed customer."""

    def build_images() -> None:
        if parts:
            parts.join()
        images("build")

    look = "look at the log named above; make down && make up starts the cluster afresh, data kept"
    registries = Step("registries", lambda: logged("registry", [_CLUSTER / "registry.sh", "up"], env=environment()))
    servers = Step("cluster and registries", lambda: cluster("up"), takes="25 s", remedy=look)
    with_images = [
        Step("make the images", build_images, takes="3 min"),
        registries if MINE else servers,
        Step("images into the registry", lambda: images("push"), takes="5 s"),
    ]
    return [
        *(with_images if WITH_IMAGES else []),
        Step("stack local: backend, secrets", make_stack, takes="5 s"),
        Step("pulumi up", pulumi_up, takes="3 min", remedy="run the same command again"),
        Step("pods ready", wait_for_pods, remedy="kubectl get pods -A shows which are not; run the same command again"),
    ]


def start_parts() -> Background | None:
    """Fetches what the images are made of while tools compile: one waits for the network, one computes."""
    return Background(lambda: images("prepare")) if WITH_IMAGES else None


def up() -> None:
    """The first command of the README."""
    run_steps(PREPARE if WITH_IMAGES else PREPARE[1:])
    run_steps([COMPILE, *steps_to_deploy(start_parts())])
    show()


def fast_checks() -> list[Step]:
    """Format, lint, types, layers and pure tests; needs nothing but the venv."""
    bin_ = places.venv() / "bin"

    def runs(*command: str) -> Callable[[], None]:
        return lambda: shown([bin_ / command[0], *command[1:]], env=environment())

    def shell() -> None:
        shown(["bash", "-n", *sorted(_CLUSTER.glob("*.sh"))])

    return [
        Step("format", runs("ruff", "format", "--check", "-q"), remedy="ruff format"),
        Step("lint", runs("ruff", "check", "-q"), remedy="ruff check --fix"),
        Step("layers", runs("lint-imports", "--no-cache"), remedy="components may import bus, bus no Pulumi"),
        Step("shell syntax", shell),
        Step("types", runs("mypy"), remedy="see the lines above"),
        Step(
            "pure tests",
            runs("pytest", "-q", "-m", "not real and not helm and not servers", "-n", "2"),
            remedy="pytest TEST runs one",
        ),
    ]


def chart_checks() -> Step:
    """Charts under the real helm."""
    return Step("charts", lambda: shown([python(), "-m", "pytest", "-q", "-m", "helm"], env=environment()))


def check() -> None:
    """The fast part of the tests."""
    run_steps([PREPARE[1], *fast_checks(), COMPILE, chart_checks()])


def test() -> None:
    """The second command of the README: fast checks first, so that a typo fails in seconds."""
    run_steps([PREPARE[1], *fast_checks(), PREPARE[0]])
    parts = start_parts()
    brick = Step("demo brick", lambda: shown(["go", "test", "./..."], cwd=places.ROOT / "sandbox/images/demo-brick"))
    servers = Step(
        "tests on servers of their own",
        lambda: shown(
            [python(), "-m", "pytest", "-v", "-m", "servers", "-n", "3", "--dist", "loadfile"], env=environment()
        ),
    )
    real = Step(
        "tests on real servers", lambda: shown([python(), "-m", "pytest", "-v", "-m", "real"], env=environment())
    )
    run_steps([COMPILE, chart_checks(), brick, *steps_to_deploy(parts), servers, real])


def down() -> None:
    """Stops everything that up started; the data stays."""
    run_steps([Step("stop the cluster", lambda: cluster("down"))])


def clean() -> None:
    """Stops everything and removes the sandbox's data, stack state included."""
    run_steps([Step("remove the cluster and its data", lambda: cluster("purge"))])
    shutil.rmtree(places.SANDBOX, ignore_errors=True)


def status() -> None:
    """What runs."""
    shown([_CLUSTER / "cluster.sh", "status"], env=environment())


def env() -> None:
    """Lines for a shell to evaluate."""
    for name, value in environment().items():
        if os.environ.get(name) != value:
            print(f"export {name}={shlex.quote(value)}")


def kwok() -> None:
    """A control plane with NODES (default 10) fake nodes beside the real one, for scale tests; `kwok down` stops it."""
    stop = sys.argv[2:] == ["down"]
    extra = {"KUBE_DIR": str(places.CACHE / "kwok"), "KUBE_PORT_BASE": "16700"}
    extra["KUBE_KUBECONFIG"] = f"{extra['KUBE_DIR']}/kubeconfig"
    own = {**environment(), **extra}
    plane, nodes = _CLUSTER / "control-plane.sh", _CLUSTER / "fake-node.sh"
    if stop:
        run_steps(
            [Step(f"stop {part.stem}", partial(logged, "kwok", [part, "down"], env=own)) for part in (nodes, plane)]
        )
        return
    count = os.environ.get("NODES", "10")
    run_steps([COMPILE,
               Step("control plane", lambda: logged("kwok", [plane, "up"], env=own)),
               Step(f"{count} fake nodes", lambda: logged("kwok-nodes", [nodes, "up", count], env=own))])  # fmt: skip
    print(f"KUBECONFIG={extra['KUBE_KUBECONFIG']}")


@contextmanager
def only_one(verb: str) -> Iterator[None]:
    """One run at a time on this machine; a lock of the kernel, so that a killed run leaves none."""
    places.CACHE.mkdir(parents=True, exist_ok=True)
    with (places.CACHE / "lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"make {verb} waits: another make of this machine is at work")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str]) -> None:
    """Runs one verb."""
    verbs = {f.__name__: f for f in (up, down, clean, status, check, test, env, kwok)}
    if not arguments or arguments[0] not in verbs:
        raise SystemExit(__doc__)
    signal.signal(signal.SIGTERM, on_terminate)
    verb = arguments[0]
    if verb in ("status", "env"):
        verbs[verb]()
        return
    try:
        with only_one(verb):
            verbs[verb]()
    except KeyboardInterrupt:
        fail(f"interrupted; make {verb} goes on where it stopped")
    except subprocess.CalledProcessError as error:
        fail(f"a step in the background ended with {error.returncode}; run make {verb} again")


if __name__ == "__main__":
    main(sys.argv[1:])
