"""What the cluster of a site has of its products, as the comparison needs it: types and what follows from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_VOTERS = re.compile(r"^controller\.quorum\.voters=(.*)$", re.MULTILINE)
_INITIAL_MASTERS = "-Ecluster.initial_master_nodes="
_SINGLE_NODE = "-Ediscovery.type=single-node"
MOST_VOTERS = 3
"""charts/kafka makes the first three brokers controllers"""


@dataclass(frozen=True)
class Pod:
    """A pod that is ready, and the image that it was started from."""

    name: str
    image: str = ""


@dataclass(frozen=True)
class Workload:
    """One StatefulSet of a site, or the volumes that one left behind."""

    replicas: int | None = None
    """what its spec asks for; None where there is no such set"""
    image: str = ""
    arguments: tuple[str, ...] = ()
    claims: int = 0
    """how many of its volumes data-<name>-0, data-<name>-1, ... exist"""
    size: str = ""
    """what the template of its volumes asks for; empty where there is no such set"""
    sizes: tuple[str, ...] = ()
    """what each volume that exists asks for"""
    pods: tuple[Pod, ...] = ()

    @property
    def members(self) -> int:
        """How many servers share the data: those that are asked for, or as many as left a volume; 0 where none did."""
        return self.replicas or self.claims

    @property
    def nodes(self) -> int:
        """The same of Elasticsearch. Its arguments tell more: a set scaled by hand is still a cluster of so many."""
        if not self.members:
            return 0
        if _SINGLE_NODE in self.arguments:
            return 1
        found = next((text for text in self.arguments if text.startswith(_INITIAL_MASTERS)), None)
        return len(found.removeprefix(_INITIAL_MASTERS).split(",")) if found else self.members


@dataclass(frozen=True)
class Answer:
    """What one Elasticsearch node says of the cluster that it is in."""

    cluster_id: str
    nodes: int


@dataclass(frozen=True)
class Live:
    """The products of one site."""

    elasticsearch: Workload = Workload()
    kafka: Workload = Workload()
    zookeeper: Workload = Workload()
    postgres: Workload = Workload()
    kafka_settings: str = ""
    """server.properties as it is deployed; empty where there is none"""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """pod of Elasticsearch -> what it answers; only where several nodes are deployed"""
    kraft_version: int | None = None
    """the finalized feature of the brokers; None where it was not asked for, or nobody answered"""

    hidden: tuple[str, ...] = ()
    """kinds of objects that this user may not list"""

    @property
    def mode(self) -> str:
        """kraft or zookeeper; empty where there is no Kafka, or nothing tells."""
        if not self.kafka.members:
            return ""
        if "process.roles=" in self.kafka_settings:
            return "kraft"
        if "zookeeper.connect=" in self.kafka_settings or self.zookeeper.members:
            return "zookeeper"
        # What is left of a set that is gone was one of ours, and beside no ZooKeeper.
        return "kraft" if self.kafka.replicas is None else ""

    @property
    def voters(self) -> int:
        """How many controllers the quorum of metadata has."""
        found = _VOTERS.search(self.kafka_settings)
        return len(found[1].split(",")) if found else min(MOST_VOTERS, self.kafka.members)
