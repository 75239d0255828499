"""The set of topics of a site against a real broker, through the process that pulumi runs it in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from bus.topics.admin import Admin
from bus.topics.plan import Topic
from components.providers.topics import TopicSetProvider
from tests.support.dynamic import Broken, Halt, Host, Refused, host, resumed
from tests.support.kafka import Cluster
from tests.support.topic_sets import props, topic

pytestmark = pytest.mark.servers


@pytest.fixture
def provider(admin: Admin) -> Iterator[Host]:
    with host(TopicSetProvider()) as running:
        yield running


def test_what_can_be_applied_is_applied_and_recorded_when_one_topic_fails(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """A broker that no longer takes what it took at preview: here, a name that collides with one made meanwhile."""
    wanted = props(kafka, {"a.b": topic(), "good": topic(3), "other": topic()})
    provider.inputs = {}
    inputs = provider.check(wanted)
    admin.create([Topic("a_b", 1, 1)])
    with pytest.raises(Broken) as broken:
        provider.step(inputs)
    assert [reason for reason in broken.value.reasons if reason.startswith("a.b: ")]
    assert len(broken.value.reasons) == 1
    assert provider.outputs["created"] == ["good", "other"]
    assert provider.outputs["topics"].keys() == {"good", "other"}
    assert admin.read(["good", "other"]).keys() == {"good", "other"}
    admin.delete(["a_b"])
    assert provider.up(wanted)
    assert provider.outputs["created"] == ["a.b", "good", "other"]


def test_a_preview_says_what_no_difference_of_properties_can_show(
    capfd: pytest.CaptureFixture[str], kafka: Cluster, admin: Admin
) -> None:
    """How a topic that is there already changes, and that one was changed or deleted since the last run."""
    with host(TopicSetProvider()) as provider:  # whose output is that of the test, and not of its fixtures
        admin.create([Topic("t", 1, 1, {"retention.ms": "5000"})])
        admin.seen({"t": 1})
        wanted = props(kafka, {"t": topic(3), "u": topic()})
        provider.check(wanted)
        assert "t exists on central and is taken over: partitions 1 -> 3, retention.ms 5000 -> unset\n" in _said(capfd)
        provider.up(wanted)
        assert _said(capfd).count("t exists") == 1
        provider.up(wanted)
        assert _said(capfd) == ""
        admin.set_of_topic({"t": {"segment.ms": "70000"}})
        admin.delete(["u"])
        assert not provider.up(wanted)
        said = _said(capfd)
        assert "t of central is not as it was last wanted: segment.ms unset -> 70000; the next change" in said
        assert "u of central is gone; the next change of this site's topics puts it back" in said
        assert provider.refresh()
        assert provider.up(wanted)
        assert not provider.up(wanted)
        assert "not as it was" not in _said(capfd)


def test_a_cluster_that_is_not_the_pinned_one_is_refused_at_preview(kafka: Cluster, provider: Host) -> None:
    provider.up(props(kafka, {"t": topic()}))
    provider.inputs["clusterId"] = provider.outputs["clusterId"] = "another"
    with pytest.raises(Refused, match="but this stack manages another") as refused:
        provider.check(props(kafka, {"t": topic(2)}))
    assert len(refused.value.reasons) == 1


def test_a_stack_that_names_the_new_cluster_goes_on(kafka: Cluster, provider: Host, admin: Admin) -> None:
    provider.up(props(kafka, {"t": topic()}))
    provider.inputs["clusterId"] = provider.outputs["clusterId"] = "another"
    assert provider.up(props(kafka, {"t": topic(2)}, clusterId=admin.cluster_id))
    assert provider.outputs["clusterId"] == admin.cluster_id
    assert provider.outputs["created"] == [], "what was made on another cluster proves nothing here"


@pytest.mark.parametrize(
    ("moment", "when", "there"),
    [
        ("bus.topics.admin:Admin.create", "before", 0),
        ("bus.topics.admin:Admin.create", "after", 20),
        ("bus.topics.reading:Reader.settle", "after", 20),
        ("components.providers.topics:TopicSetProvider._make", "after", 20),
        ("components.providers.topics:TopicSetProvider.create", "after", 20),
    ],
)
def test_a_provider_killed_between_the_act_and_its_record_converges(
    kafka: Cluster, admin: Admin, tmp_path: Path, moment: str, when: Literal["before", "after"], there: int
) -> None:
    wanted = props(kafka, {f"t{n}": topic(2) for n in range(20)})
    halt = Halt(moment, when, tmp_path / "halted")
    with host(TopicSetProvider(), halt=halt) as killed:
        killed.killed_at(halt, killed.check(wanted))
    if there:
        assert admin.read(wanted["topics"]).keys() == wanted["topics"].keys(), "done, and not recorded"
    else:
        assert admin.names() == []
    with host(TopicSetProvider()) as after:
        again = resumed(killed, after)
        assert again.up(wanted)
        assert again.outputs["topics"] == wanted["topics"]
        assert not again.up(wanted)
    assert len(admin.names()) == 20


def _said(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().err
