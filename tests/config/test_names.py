"""Names that follow from a site's: what is judged is what a plan has, and nothing is refused that could be."""

import pytest

from bus.config import hosted_registry, names
from bus.plan import build
from tests.support.program import ROOT, STACKS
from tests.support.stacks import load_stack


@pytest.mark.parametrize("stack", STACKS)
def test_the_judged_names_are_those_of_the_plan(stack: str) -> None:
    plan = build.plan(ROOT, load_stack(stack))
    for name, site in plan.sites.items():
        assert sorted(release.name for release in site.releases) == sorted(names.releases(name, site.site.enable))


@pytest.mark.parametrize(("length", "wrong"), [(49, 0), (50, 1)])
def test_a_name_may_be_as_long_as_helm_lets_its_longest_release_be(length: int, wrong: int) -> None:
    site = "a" * length
    assert len(names.problems("Pulumi.test.yaml", {"central": [hosted_registry.BRICK], site: []})) == wrong
