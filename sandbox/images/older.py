"""Servers that customers still have and only tests run: `python3 -m sandbox.images.older VERB`.

usage: fetch                   Elasticsearch and Kafka of older versions, into the cache
       push                    make and push the image of a broker that wants ZooKeeper, for the test that deploys one

Standard library only.
"""

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path

from sandbox.images import oci
from sandbox.images.build import JRE, PARTS, config, debian_layer, kafka_layer, maven, once, registry_host
from sandbox.places import CACHE

OLDER = {"8": "8.19.8", "7": "7.17.15", "6": "6.8.23"}  # profile of elasticsearch/older/pom.xml -> version
OLDER_KAFKA = {"3.9.1": "2.13", "2.8.2": "2.13", "1.0.2": "2.12"}  # version -> that of Scala
DEPLOYED_OLDER = "2.8.2"
# They log by log4j 1, which without this is silent.
LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n
"""


def fetch() -> None:
    """Older Elasticsearch servers and Kafka brokers, into the cache; no image holds them."""

    def older(profile: str) -> Callable[[Path], None]:
        def unpack(work: Path) -> None:
            maven("elasticsearch/older", "dependency:unpack", f"-P{profile}", f"-Dout={work}")

        return unpack

    def brokers(version: str) -> Callable[[Path], None]:
        def copy(work: Path) -> None:
            given = (f"-Dkafka={version}", f"-Dscala={OLDER_KAFKA[version]}", f"-DoutputDirectory={work}/libs")
            maven("kafka/older", "dependency:copy-dependencies", *given)
            with zipfile.ZipFile(work / "libs/logging.jar", "w") as jar:
                jar.writestr("log4j.properties", LOG4J)

        return copy

    for profile, version in OLDER.items():
        once(f"elasticsearch-{version}", older(profile))
    for version in OLDER_KAFKA:
        once(f"kafka-{version}", brokers(version))


def push() -> None:
    """The image of a broker that wants ZooKeeper, into the registry."""
    fetch()
    store = oci.Store(CACHE / "images")
    layers = [debian_layer(store, "jre", JRE), kafka_layer(store, DEPLOYED_OLDER)]
    image = store.image(layers, config(["/opt/kafka/bin/kafka.sh"], 1001))
    store.push(image, registry_host(), "sys-isi/kafka", DEPLOYED_OLDER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["fetch", "push"])
    verb = parser.parse_args().verb
    PARTS.mkdir(parents=True, exist_ok=True)
    {"fetch": fetch, "push": push}[verb]()


if __name__ == "__main__":
    main()
