"""usage: python3 -m sandbox up|down|clean|status|check|test|env|kwok

up      tools, cluster, registries, images, and `pulumi up` of stack local; CLUSTER=mine uses your KUBECONFIG instead
down    stops the sandbox and keeps its data          clean   removes the data too (tools stay in the cache)
check   the fast tests                                test    all of them, real servers included
env     prints what a shell needs (see env.sh)        kwok    a second cluster with NODES fake nodes
"""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sandbox import checks, deploying, places, programs, tools, venv, workloads
from sandbox.deploying import CLUSTER, WITH_IMAGES
from sandbox.places import environment
from sandbox.steps import Step, fail, logged, on_terminate, run_steps, say, shown

COMPILE = Step("compile the tools", tools.build, tools.ready, "20 to 35 min")
PROGRAMS = Step("system programs", programs.install, programs.ready, "30 s")
PACKAGES = Step("Python packages", venv.make, venv.ready, "1 min")


def up() -> None:
    """The first command of the README."""
    run_steps([PROGRAMS, PACKAGES] if WITH_IMAGES else [PACKAGES])
    run_steps([COMPILE, *deploying.steps(deploying.start_parts())])
    workloads.show()


def check() -> None:
    """The fast part of the tests."""
    run_steps([PACKAGES, *checks.fast(), COMPILE, checks.charts()])


def test() -> None:
    """The second command of the README: fast checks first, so that a typo fails in seconds."""
    run_steps([PACKAGES, *checks.fast(), PROGRAMS])
    deployed = deploying.steps(deploying.start_parts())
    tests = [checks.brick(), *deployed, deploying.older_servers(), checks.servers_and_real()]
    run_steps([COMPILE, checks.charts(), *tests])


def down() -> None:
    """Stops everything that up started; the data stays."""
    run_steps([Step("stop the cluster", lambda: deploying.cluster("down"))])


def clean() -> None:
    """Stops everything and removes the sandbox's data, stack state included."""
    run_steps([Step("remove the cluster and its data", lambda: deploying.cluster("purge"))])
    shutil.rmtree(places.SANDBOX, ignore_errors=True)


def status() -> None:
    """What runs."""
    shown([CLUSTER / "cluster.sh", "status"], env=environment())


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
    plane, nodes = CLUSTER / "control-plane.sh", CLUSTER / "fake-node.sh"
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
