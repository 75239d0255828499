"""Mirror patterns: the seed's globs as MirrorMaker's expressions, and loops refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.topics.mirror_patterns import Patterns, both, check_mirror, matches, to_regex

TOPICS = ["cineges.film.data", "cineges.vente.save", "cineges.vente.saveodooid", "notifications"]


@pytest.mark.parametrize(
    ("glob", "topic", "taken"),
    [
        ("cineges.*.data", "cineges.film.data", True),
        ("cineges.*.data", "cineges.film.extra.data", True),
        ("cineges.*.data", "cineges_lyon_metadata", False),
        ("cineges.*.data", "cinegesXdata", False),
        ("cineges.*.data", "cineges.data", False),
        ("cineges.*.data", "cineges..data", False),
        ("cineges.*.data", "cineges.film.datas", False),
        ("cineges.*.save", "cineges.a.autosave", False),
        ("cineges.*.save", "cineges.a.saveodooid", False),
        ("notifications", "notifications", True),
        ("notifications", "notifications2", False),
        ("*", "anything", True),
        ("a-b_c", "a-b_c", True),
    ],
)
def test_a_glob_takes_whole_names_only(glob: str, topic: str, taken: bool) -> None:
    assert matches(glob, topic) == taken


@given(st.text("ab*", max_size=7), st.text("ab", max_size=9))
def test_a_glob_takes_what_its_expression_takes(glob: str, topic: str) -> None:
    assert matches(glob, topic) == bool(re.fullmatch(to_regex(glob), topic))


def test_a_glob_of_many_stars_is_matched_at_once() -> None:
    assert not matches("a*" * 100 + "c", "a" * 300)


def test_an_expression_survives_a_properties_file_and_a_comma_list() -> None:
    assert to_regex("cineges.*.data") == "cineges[.].+[.]data"
    assert not re.search(r"[\\,\s]", to_regex("cineges.*.data-x_y"))


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("cineges.*.data", "cineges.*.save", False),
        ("cineges.*.data", "*.data", True),
        ("cineges.*.save", "cineges.*.save*", True),
        ("a*", "*a", True),
        ("a", "a", True),
        ("a", "b", False),
        ("a*b", "ab", False),
        ("*", "x", True),
        ("*a*", "*b*", True),
        ("a*c", "b*c", False),
        ("ab*", "a*", True),
        ("**", "x", False),
    ],
)
def test_two_globs_share_a_name(one: str, other: str, common: bool) -> None:
    for first, second in ((one, other), (other, one)):
        name = both(first, second)
        assert (name is not None) == common
        assert name is None or (matches(first, name) and matches(second, name))


def problems(ctrl2cplx: list[str], cplx2ctrl: list[str]) -> list[str]:
    return [str(p) for p in check_mirror("Pulumi.x.yaml", {"cinecity": Patterns(ctrl2cplx, cplx2ctrl)}, TOPICS)]


def test_the_patterns_of_the_seed_are_sound() -> None:
    assert problems(["notifications", "cineges.*.data"], ["cineges.*.save", "cineges.*.saveodooid"]) == []


def test_a_declared_topic_that_would_loop_is_named() -> None:
    (said,) = problems(["cineges.*"], ["cineges.*.save"])
    assert said.startswith("Pulumi.x.yaml: bus:sites.cinecity.mirror.ctrl2cplx = 'cineges.*'")
    assert "both take cineges.vente.save" in said


def test_a_loop_of_topics_that_do_not_exist_yet_is_refused_too() -> None:
    (said,) = problems(["cineges.film*"], ["*.data"])
    assert "both take" in said


def test_an_expression_in_place_of_a_glob_is_refused() -> None:
    (said,) = problems(["cineges\\..*"], [])
    assert "mirror.ctrl2cplx[0] = 'cineges" in said
    assert "is no topic glob" in said


def test_a_glob_that_takes_nothing_is_refused_with_the_topics() -> None:
    (said,) = problems([], ["cinegs.*.save"])
    assert "mirror.cplx2ctrl[0] = 'cinegs.*.save': takes no topic that a brick declares" in said
    assert "cineges.vente.save" in said


MIRRORED = ["films.data", "stock.replica", "mm2.films.internal", "films.internal", "a.heartbeats", "films.heartbeats2"]


def judged(
    ctrl2cplx: list[str], cplx2ctrl: list[str], version: tuple[int, ...] | None, topics: list[str] = MIRRORED
) -> list[str]:
    patterns = {"cinecity": Patterns(ctrl2cplx, cplx2ctrl)}
    return [str(p) for p in check_mirror("Pulumi.x.yaml", patterns, topics, version=version)]


@pytest.mark.parametrize(
    ("topic", "version", "reason"),
    [
        ("stock.replica", (4, 3, 1), "MirrorMaker 4.3.1 never copies: names that end in '.replica'"),
        ("stock.replica", None, "MirrorMaker never copies: names that end in '.replica'"),
        ("mm2.films.internal", (4, 3), "MirrorMaker 4.3 never copies: names mm2*.internal are its own"),
        ("__x", (4, 3), "names that begin with '__' or '.'"),
        (".x", (3, 9), "names that begin with '__' or '.'"),
        ("a.checkpoints.internal", (4, 3), "names that end in '.checkpoints.internal'"),
        ("films.internal", (3, 9, 1), "MirrorMaker 3.9.1 never copies: names that end in '.internal' or '-internal'"),
        ("films-internal", (3, 0), "names that end in '.internal' or '-internal'"),
        ("films.internal", None, "Kafka Connect's to it before Kafka 4.0"),
        ("xheartbeats", (4, 3), "copies as central.xheartbeats"),
        ("heartbeats", (4, 3), "copies as central.heartbeats"),
    ],
)
def test_a_topic_that_mirror_maker_leaves_out_or_renames_is_refused(
    topic: str, version: tuple[int, ...] | None, reason: str
) -> None:
    for glob in (topic, "*"):
        (said,) = judged([glob], [], version, [topic])
        assert said.startswith(f"Pulumi.x.yaml: bus:sites.cinecity.mirror.ctrl2cplx[0] = '{glob}': takes {topic}, ")
        assert reason in said
        assert said.endswith("; give the topic another name, or take it out of the patterns")


@pytest.mark.parametrize(
    ("topic", "version"),
    [
        ("films.internal", (4, 0)),
        ("films-internal", (4, 3, 1)),
        ("films.internal", (4,)),
        ("_x", (4, 3)),
        ("replica", (3, 0)),
        ("films.heartbeats2", None),
        ("mm2-films", None),
    ],
)
def test_a_topic_that_mirror_maker_copies_is_no_problem(topic: str, version: tuple[int, ...] | None) -> None:
    assert judged([topic], [], version, [topic]) == judged([], [topic], version, [topic]) == []


def test_the_other_way_a_copy_would_have_the_name_of_the_complexe() -> None:
    (said,) = judged([], ["a.heartbeats"], (4, 3), ["a.heartbeats"])
    assert "copies as cinecity.a.heartbeats" in said


def test_a_heartbeat_that_no_pattern_takes_is_copied_all_the_same() -> None:
    (said,) = judged(["films.data"], [], (4, 3))
    assert said == (
        "Pulumi.x.yaml: bus:sites.cinecity.mirror.ctrl2cplx: a.heartbeats of central would come to cinecity as "
        "central.a.heartbeats, although no pattern takes it: MirrorMaker takes it for one of its own; give the topic "
        "another name"
    )


@pytest.mark.parametrize(
    ("where", "count"), [({"central": ["a.heartbeats"]}, 1), ({"cinecity": ["a.heartbeats"]}, 0), ({}, 0)]
)
def test_only_a_site_that_is_copied_from_counts(where: dict[str, list[str]], count: int) -> None:
    patterns = {"cinecity": Patterns(["films.data"], [])}
    found = check_mirror("Pulumi.x.yaml", patterns, MIRRORED, declared=where, version=(4, 3))
    assert len(found) == count
