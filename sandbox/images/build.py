"""The example's images, from Debian's archive, Maven, and Go modules; no container engine, no public image registry.

usage: python3 -m sandbox.images.build VERB
       prepare                 fetch what is big: Maven and Debian parts (overlaps with compiling)
       build                   make every image, and the node's two archives; needs the compiled coredns
       push                    push what the registry (BUS_REGISTRY, default 127.0.0.1:5000) lacks

Standard library only. Every proprietary brick is the demo brick under the name and tag of values/<brick>.yml.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

from sandbox.images import oci
from sandbox.places import CACHE, ROOT, SANDBOX, key, tools
from sandbox.steps import say

HERE = Path(__file__).resolve().parent
PARTS = CACHE / "parts"
SOCKET = Path("/run/bus-sandbox/containerd/containerd.sock")
NODE_IMAGES = SANDBOX / "images"
SUITE = "trixie"  # the first Debian with a JRE 25, which Elasticsearch 9 wants (21 or newer)
JRE, POSTGRES = "openjdk-25-jre-headless", "postgresql-17"
NOT_NEEDED = (
    "dev/", "proc/", "sys/", "run/", "boot/", "var/cache/", "var/lib/apt/lists/", "var/log/", "usr/share/doc/",
    "usr/share/man/", "usr/share/locale/", "usr/share/info/", "var/lib/postgresql/", "etc/passwd",
    "usr/lib/x86_64-linux-gnu/libLLVM", "usr/lib/postgresql/17/lib/bitcode", "usr/lib/postgresql/17/lib/llvmjit",
)  # fmt: skip
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USERS = "root:x:0:0:root:/root:/bin/sh\n" + "".join(
    f"{name}:x:{uid}:{uid}::/tmp:/bin/sh\n"
    for name, uid in (("postgres", 999), ("elasticsearch", 1000), ("kafka", 1001), ("brick", 65532))
)


def once(name: str, make: Callable[[Path], None]) -> None:
    """Makes part `name` in a folder of its own that takes its name when it is whole."""
    if (PARTS / name).exists():
        return
    started = time.monotonic()
    say(f"{name}: fetching")
    work = PARTS / f"{name}.tmp"
    if work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True)
    make(work)
    work.rename(PARTS / name)
    say(f"{name}: {time.monotonic() - started:.0f} s")


def prepare() -> None:
    """Kafka's jars, Elasticsearch, two Debian root file systems and the tests' registry, into the cache."""

    def kafka(work: Path) -> None:
        maven("kafka", "dependency:copy-dependencies", f"-DoutputDirectory={work}/libs")

    def elasticsearch(work: Path) -> None:
        maven("elasticsearch", "dependency:unpack", f"-Dout={work}")

    once("kafka", kafka)
    once("elasticsearch", elasticsearch)
    once("jre", lambda work: debian(JRE, work))
    once("postgres", lambda work: debian(POSTGRES, work))
    compiled("distribution")


def maven(pom: str, *arguments: str) -> None:
    """Runs a goal of images/<pom>/pom.xml."""
    run("mvn", "-q", "-B", "-ntp", "-f", str(HERE / pom / "pom.xml"), *arguments)


def debian(package: str, work: Path) -> None:
    """A minimal Debian with one package, from the mirror that this machine's apt uses."""
    sites = run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").split()
    mirror = next(site for site in sites if "security" not in site)
    run("debootstrap", "--variant=minbase", f"--include={package}", SUITE, str(work), mirror)


def run(*command: str) -> str:
    """Runs a command; its output, or an error with the end of what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def build() -> None:
    """Every image into the store, and the node's archives."""
    prepare()
    store = oci.Store(CACHE / "images")
    NODE_IMAGES.mkdir(parents=True, exist_ok=True)
    base = debian_layer(store, "jre", JRE)
    images = {
        "kafka": store.image([base, kafka_layer(store)], config(["/opt/kafka/bin/kafka.sh"], 1001)),
        "elasticsearch": store.image(
            [base, elasticsearch_layer(store)],
            config(
                ["/usr/local/bin/elasticsearch.sh"],
                1000,
                ["ES_JAVA_OPTS=-Xms320m -Xmx320m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"],
            ),
        ),
        "postgres": store.image(
            [debian_layer(store, "postgres", POSTGRES), script_layer(store, "postgres", "usr/local/bin/postgres.sh")],
            config(["/usr/local/bin/postgres.sh"], 999),
        ),
        "docker-registry": store.image([base, registry_layer(store)], config(["/usr/local/bin/docker-registry"], 1002)),
    }
    brick = compiled("demo-brick")
    brick_layer = store.layer(f"brick {key(brick)}", lambda tar: oci.add_file(tar, brick, "demo-brick"))
    users = store.layer(f"users {key(passwd())}", lambda tar: oci.add_file(tar, passwd(), "etc/passwd", 0o644))
    images["demo-brick"] = store.image([users, brick_layer], config(["/demo-brick"], 65532))
    pause = store.image([users, brick_layer], config(["/demo-brick", "pause"], 65535))
    store.archive(pause, "bus.local/pause:1", NODE_IMAGES / "pause.tar")
    coredns = tools() / "coredns"
    dns_layer = store.layer(f"coredns {key(coredns)}", lambda tar: oci.add_file(tar, coredns, "coredns"))
    store.archive(store.image([dns_layer], config(["/coredns"], 0)), "bus.local/coredns:1", NODE_IMAGES / "coredns.tar")
    (CACHE / "images/images.json").write_text(json.dumps(images, indent=1))
    for name, digest in images.items():
        say(f"{name}: {digest[:19]}")


def passwd() -> Path:
    """The users that images run as."""
    file = PARTS / "passwd"
    file.write_text(USERS)
    return file


def debian_layer(store: oci.Store, part: str, package: str) -> oci.Layer:
    """A Debian root file system that was fetched."""
    inputs = f"{part} {SUITE} {package} {(PARTS / part).stat().st_mtime_ns} {NOT_NEEDED}"
    return store.layer(inputs, lambda tar: root(tar, PARTS / part, passwd()))


def config(entry: list[str], uid: int, env: list[str] | None = None) -> dict[str, object]:
    """The run-time part of an image."""
    return {"Entrypoint": entry, "User": f"{uid}:{uid}", "Env": [PATH, *(env or [])], "WorkingDir": "/"}


def root(tar: tarfile.TarFile, folder: Path, passwd: Path) -> None:
    """A Debian root file system, less what a container never reads."""
    for name in ("dev", "proc", "sys", "run"):
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
    oci.add_tree(tar, folder, "", NOT_NEEDED)
    oci.add_file(tar, passwd, "etc/passwd", 0o644)


def kafka_layer(store: oci.Store, version: str = "") -> oci.Layer:
    """Jars, start script and logging of Kafka, of the version that all but one site run, or of an older one."""
    pom, part = ("kafka/older/pom.xml", f"kafka-{version}") if version else ("kafka/pom.xml", "kafka")
    files = [HERE / "kafka/kafka.sh", HERE / "kafka/log4j2.properties"]

    def fill(tar: tarfile.TarFile) -> None:
        oci.add_file(tar, files[0], "opt/kafka/bin/kafka.sh")
        oci.add_file(tar, files[1], "opt/kafka/log4j2.properties", 0o644)
        oci.add_tree(tar, PARTS / part / "libs", "opt/kafka/libs/")

    return store.layer(f"{part} {key(HERE / pom, *files)}", fill)


def elasticsearch_layer(store: oci.Store) -> oci.Layer:
    """The server without its command-line tools for Windows."""
    script = HERE / "elasticsearch/elasticsearch.sh"
    (home,) = (PARTS / "elasticsearch").glob("elasticsearch-*")

    def fill(tar: tarfile.TarFile) -> None:
        oci.add_file(tar, script, "usr/local/bin/elasticsearch.sh")
        # The archive lets only its owner read the configuration.
        oci.add_tree(tar, home, "usr/share/elasticsearch/", ("*.bat", "*.exe", "data/", "logs/"), readable=True)

    return store.layer(f"elasticsearch readable {home.name} {key(HERE / 'elasticsearch/pom.xml', script)}", fill)


def script_layer(store: oci.Store, folder: str, target: str) -> oci.Layer:
    """One start script."""
    script = HERE / folder / f"{folder}.sh"
    return store.layer(f"{target} {key(script)}", lambda tar: oci.add_file(tar, script, target))


def registry_layer(store: oci.Store) -> oci.Layer:
    """Debian's docker-registry of this machine."""
    binary = Path("/usr/bin/docker-registry")
    return store.layer(
        f"registry {key(binary)}", lambda tar: oci.add_file(tar, binary, "usr/local/bin/docker-registry")
    )


def compiled(name: str) -> Path:
    """A Go program of images/<name>, keyed by its sources."""
    folder = HERE / name
    sources = [folder / "go.mod", folder / "go.sum", *sorted(folder.glob("*.go"))]
    binary = PARTS / f"{name}-{key(*sources)}"
    if not binary.exists():
        say(f"{name}: compiling")
        command = ["go", "build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o", f"{binary}.tmp", "."]
        subprocess.run(command, cwd=folder, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
        Path(f"{binary}.tmp").rename(binary)
    return binary


def wanted_images() -> dict[tuple[str, str], str]:
    """(name, tag) as values/*.yml say it -> which image it is."""
    real = {"sys-isi/kafka": "kafka", "sys-isi/elasticsearch": "elasticsearch", "sys-isi/postgres": "postgres"}
    real["sys-isi/docker-registry"] = "docker-registry"
    wanted = {}
    for file in sorted((ROOT / "values").glob("*.yml")):
        block = re.search(r"^image:\n((?:[ \t]+.*\n?)+)", file.read_text(), re.MULTILINE)
        found = dict(re.findall(r"^\s+(name|tag):\s*\"?([^\s\"#]+)", block[1], re.MULTILINE)) if block else {}
        if len(found) == 2 and file.stem != "zookeeper":  # only a test deploys one: older.py
            wanted[found["name"], found["tag"]] = real.get(found["name"], "demo-brick")
    return wanted


def push() -> None:
    """Every image of values/*.yml into the registry; what is there already is left alone."""
    registry = registry_host()
    store, images = oci.Store(CACHE / "images"), json.loads((CACHE / "images/images.json").read_text())
    pushed = [
        f"{name}:{tag}"
        for (name, tag), image in wanted_images().items()
        if store.push(images[image], registry, name, tag)
    ]
    if SOCKET.exists():
        forget(pushed)
    say(f"{len(pushed)} images pushed, {len(wanted_images()) - len(pushed)} were there")


def registry_host() -> str:
    """The registry that images are pushed to."""
    return os.environ.get("BUS_REGISTRY", "127.0.0.1:5000")


def forget(images: Collection[str]) -> None:
    """Takes images from the node, whichever registry they came from: tags that move, in a sandbox only."""
    ctr = ("ctr", "--address", str(SOCKET), "-n", "k8s.io", "images")
    known = subprocess.run([*ctr, "ls", "-q"], check=True, capture_output=True, text=True).stdout.split()
    old = [reference for reference in known if reference.partition("/")[2].endswith(tuple(images))]
    if images and old:
        run(*ctr, "rm", *old)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["prepare", "build", "push"])
    verb = parser.parse_args().verb
    PARTS.mkdir(parents=True, exist_ok=True)
    {"prepare": prepare, "build": build, "push": push}[verb]()


if __name__ == "__main__":
    main()
