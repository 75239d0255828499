"""One index that cannot be planned or made stops no other of its set."""

from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from bus.errors import PartialFailure
from bus.indices import converging
from bus.indices.diff.normal_form import Json
from bus.indices.diff.plan import Change, LiveIndex, WantedIndex


class Server:
    """A server that has `live`, and makes what it is given unless told to fail it."""

    def __init__(self, live: dict[str, LiveIndex], failing: Mapping[str, str] | None = None) -> None:
        self.live, self.failing, self.asked = live, failing or {}, list[str]()

    def read(self, names: Collection[str]) -> dict[str, LiveIndex]:
        return {name: index for name, index in self.live.items() if name in names}

    def spelled(self, wanted: Mapping[str, WantedIndex]) -> dict[str, Json]:
        self.asked += wanted
        return {name: {"properties": {"f": {"type": "odd", "speed": 1}}} for name in wanted}

    def apply(self, changes: Sequence[Change], say: Callable[[str], None]) -> None:
        for change in changes:
            name, wanted = change.wanted.name, change.wanted
            if name not in self.failing:
                self.live[name] = LiveIndex(f"{name}-000001", wanted.mappings, wanted.settings, {name: {}})
        if failures := {c.wanted.name: self.failing[c.wanted.name] for c in changes if c.wanted.name in self.failing}:
            raise PartialFailure(failures)


def index(name: str, **settings: str) -> WantedIndex:
    return WantedIndex(name, {}, dict(settings), {})


def test_an_index_that_breaks_the_plan_is_refused_by_name_and_the_others_are_planned() -> None:
    bad = WantedIndex("bad", {"properties": {"f": 3}}, {}, {})
    live = {name: LiveIndex(f"{name}-000001", {"properties": {"f": {"type": "long"}}}, {}, {}) for name in ("bad", "a")}
    changes = converging.plans(Server(live), live, [bad, index("a", priority="1"), index("new")], {})
    [broken, changed, new] = changes
    [reason] = broken.refused.values()
    assert reason.startswith("bad: comparing it with the live index failed with ")
    assert changed.settings == {"priority": "1"} and new.create


def test_one_that_fails_is_named_and_the_others_are_made() -> None:
    server = Server({}, {"bad": "no shards left"})
    changes = converging.plans(server, {}, [index("a"), index("bad"), index("z")], {})
    with pytest.raises(PartialFailure) as failed:
        converging.apply(server, changes, lambda text: None)
    assert failed.value.reasons == {"bad": "no shards left"} and server.live.keys() == {"a", "z"}


def test_the_server_is_asked_only_where_a_value_differs() -> None:
    wanted = WantedIndex("films", {"properties": {"f": {"type": "odd", "speed": "FAST"}}}, {}, {})
    held = LiveIndex("films-000001", {"properties": {"f": {"type": "odd", "speed": 1}}}, {}, {"films": {}})
    same = LiveIndex("same-000001", {}, {}, {"same": {}})
    server = Server({"films": held, "same": same})
    [change, other] = converging.plans(server, server.live, [wanted, index("same")], {})
    assert change.is_nothing and other.is_nothing and server.asked == ["films"]
    assert converging.seen(server, server.live, {"films": wanted}) == {"films": wanted}
