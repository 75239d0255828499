"""One bad topic of a set stops no other: through pulumi's own provider process, on a real broker."""

import pytest

from bus.topics.admin import Admin
from tests.support.dynamic import Broken, Host
from tests.support.kafka import Cluster
from tests.support.topic_sets import props, topic

pytestmark = pytest.mark.servers
GOOD = {"a": topic(2), "z": topic(retention_ms="600000")}
REFUSED = {"m-refused": topic(max_message_bytes="-5")}
UNFORESEEN = {"n-unforeseen": topic(2**40)}


def test_the_others_are_made_and_recorded_and_each_bad_one_is_named(
    kafka: Cluster, provider: Host, admin: Admin
) -> None:
    """The broker refuses one at apply, and the client breaks on another; put right, the next run makes these alone."""
    checked = provider.check(props(kafka, GOOD))
    checked["topics"] = {**checked["topics"], **REFUSED, **UNFORESEEN}
    with pytest.raises(Broken) as broken:
        provider.step(checked)
    reasons = dict(reason.split(": ", 1) for reason in broken.value.reasons)
    assert reasons.keys() == REFUSED.keys() | UNFORESEEN.keys()
    assert "max.message.bytes" in reasons["m-refused"]
    assert "its creation failed with" in reasons["n-unforeseen"] and "running again is safe" in reasons["n-unforeseen"]
    assert broken.value.recorded and broken.value.recorded["created"] == sorted(GOOD)
    assert admin.names() == sorted(GOOD)
    mended = GOOD | {"m-refused": topic(), "n-unforeseen": topic(3)}
    assert provider.up(props(kafka, mended))
    assert provider.outputs["created"] == admin.names() == sorted(mended)
    assert not provider.up(props(kafka, mended))
