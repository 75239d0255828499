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
