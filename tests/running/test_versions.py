"""Which images are refused beside what runs - each case a file in versions/ - and what tags and answers say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.image_reference import parse as reference
from bus.running import asking
from bus.running.live import Pod, Workload
from bus.running.versions import Known, is_same, judged, named, of_config, of_tag, parse

CASES = sorted((Path(__file__).parent / "versions").glob("*.yaml"))
DIGEST = f"sha256:{'a' * 64}"


def workload(given: dict[str, Any]) -> Workload:
    return Workload(**{**given, "pods": tuple(Pod(**pod) for pod in given.get("pods", ()))})


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_wanted_image_starts_on_the_data_or_is_refused(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    image, brick = reference(given["image"]), given["brick"]
    wanted = named(given.get("versions", {}), image) or of_config(brick, {"config": given.get("config", {})})
    running = parse(given["running"], "kafka-0 itself") if "running" in given else None
    known = Known(running, of_tag(given.get("deployed", "")), wanted or of_tag(image.tag))
    runs = workload(given.get("workload", {"replicas": 1, "claims": 1, "pods": [{"name": "x-0"}]}))
    found, expected = judged(brick, image, runs, known), given.get("expect")
    if expected is None:
        assert found is None, found
        return
    assert found is not None and found.refused == expected["refused"], found
    assert (found.key, found.wanted) == ("image", image.pinned)
    for part in expected["said"]:
        assert part in found.said, found.said
    for part in expected["remedy"]:
        assert part in found.remedy, found.remedy


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("17", "17"),
        ("v4.3.1", "4.3.1"),
        ("17.2-bookworm", "17.2"),
        ("17-alpine3.20", "17"),
        ("4.3.1-debian-12-r3", "4.3.1"),
        ("9.4.3-arm64", "9.4.3"),
        ("3.9.0-ubi9", "3.9.0"),
        ("1.0.0_isi.1", None),
        ("1.0.0-isi.1", None),
        ("4.3.1-SNAPSHOT", None),
        ("latest", None),
        ("68fd92a", None),
        ("2026.11", None),
        ("20261130", None),
        ("", None),
    ],
)
def test_a_tag_is_a_version_only_where_it_looks_like_nothing_else(tag: str, version: str | None) -> None:
    found = of_tag(tag)
    assert (str(found) if found else None) == version


@pytest.mark.parametrize(
    ("deployed", "wanted", "same"),
    [
        ("r.nc/k:1", "r.nc/k:1", True),
        ("r.nc/k:1", "r.nc/k:2", False),
        (f"r.nc/k@{DIGEST}", f"other.nc/k:1@{DIGEST}", True),
        (f"r.nc/k@{DIGEST}", "r.nc/k:1", False),
        ("r.nc/k:1", "other.nc/k:1", False),
    ],
)
def test_an_image_is_the_same_by_digest_or_by_name_and_tag(deployed: str, wanted: str, same: bool) -> None:
    assert is_same(reference(deployed), reference(wanted)) is same
    assert not is_same(None, reference(wanted))


@pytest.mark.parametrize(
    ("listing", "version"),
    [
        ("argparse4j-0.7.0.jar\nkafka-clients-4.3.1.jar\nkafka_2.13-4.3.1.jar\n", "4.3.1"),
        ("kafka_2.13-7.5.0-ccs.jar\n", "7.5.0"),
        ("kafka_2.11-1.0.2.jar\n", "1.0.2"),
        ("kafka-streams-4.3.1.jar\nmykafka-clients-1.0.jar\n", None),
        ("", None),
    ],
)
def test_the_jars_of_a_broker_say_its_version(listing: str, version: str | None) -> None:
    found = asking.of_jars(listing, "kafka-0")
    assert (str(found) if found else None) == version


def test_features_of_brokers_say_a_release_at_least_and_whether_the_quorum_was_upgraded() -> None:
    new = {"metadata.version": {"supported": (7, 30), "finalized": (7, 30)}, "kraft.version": {"finalized": (0, 1)}}
    assert (str(asking.of_features(new)), asking.kraft_version(new)) == ("4.3", 1)
    unknown = {"metadata.version": {"supported": (7, 99)}}
    assert (str(asking.of_features(unknown)), asking.kraft_version(unknown)) == ("4.3", 0)
    assert asking.of_features({}) is None


def test_a_node_that_is_in_no_cluster_yet_answers_nothing() -> None:
    assert asking.cluster_of({"cluster_uuid": "_na_"}, {"number_of_nodes": 1}) is None
    assert asking.cluster_of({}, {}) is None
