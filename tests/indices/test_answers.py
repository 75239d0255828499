"""What a server says of a call that it refused, in one line."""

from typing import Any

import pytest

from bus.indices.server.errors import said

CANCELLED = {"type": "task_cancelled_exception", "reason": "task cancelled [by user request]"}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"reason": "no such index [films]"}, "no such index [films]"),
        ({"reason": "failed to parse", "caused_by": {"reason": "not a date"}}, "failed to parse: not a date"),
        # As 9.4.3 says it of a copy that is cancelled in its search.
        (
            {"reason": "Partial shards failure", "failed_shards": [{"shard": 0, "reason": CANCELLED}]},
            "Partial shards failure: task cancelled [by user request]",
        ),
        (
            {
                "reason": "all shards failed",
                "caused_by": CANCELLED,
                "failed_shards": [{"shard": -1, "reason": CANCELLED}],
            },
            "all shards failed: task cancelled [by user request]",
        ),
    ],
)
def test_the_reason_has_its_causes_each_once(error: dict[str, Any], text: str) -> None:
    assert said(error) == text
