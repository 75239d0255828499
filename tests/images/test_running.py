"""What another stack runs, beside a stack's own images."""

import pytest

from bus.images.delivered.running import copies, reasons
from bus.images.promotion.deployed import NotDeployed

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
OWN = {
    "dkr.isi.nc/isi/ui:1": "reg.nc/isi/ui:1",
    f"dkr.isi.nc/isi/api:2@{NEW}": f"reg.nc/isi/api:2@{NEW}",
}


def found(*images: str, **others: str) -> dict[str, str]:
    stacks = {"recette": {"central": dict(enumerate(images))}} | {name: {"c": {"b": i}} for name, i in others.items()}
    return copies(OWN, stacks, "reg.nc")  # type: ignore[arg-type]


def test_what_the_stack_has_itself_is_not_brought_twice() -> None:
    assert found("dkr.isi.nc/isi/ui:1", f"dkr.isi.nc/isi/api:2@{NEW}") == {}


def test_another_build_comes_under_its_own_tag() -> None:
    assert found(f"dkr.isi.nc/isi/api:3@{OLD}") == {f"dkr.isi.nc/isi/api:3@{OLD}": f"reg.nc/isi/api:3@{OLD}"}


def test_a_tag_that_is_taken_stays_with_what_has_it() -> None:
    assert found(f"dkr.isi.nc/isi/api:2@{OLD}") == {f"dkr.isi.nc/isi/api:2@{OLD}": f"reg.nc/isi/api@{OLD}"}
    both = found(f"dkr.isi.nc/isi/jobs:1@{OLD}", zother=f"dkr.isi.nc/isi/jobs:1@{NEW}")
    assert list(both.values()) == [f"reg.nc/isi/jobs:1@{OLD}", f"reg.nc/isi/jobs@{NEW}"]


def test_reasons_name_stack_site_and_brick() -> None:
    stacks = {"recette": {"kone": {"api": "x"}, "central": {"api": "x", "ui": "y"}}}
    assert reasons(stacks) == {
        "x": ["recette runs it on central as api", "recette runs it on kone as api"],
        "y": ["recette runs it on central as ui"],
    }


@pytest.mark.parametrize("pins", [None, {}])
def test_a_stack_that_was_never_deployed_is_named(pins: dict[str, dict[str, str]] | None) -> None:
    for act in (lambda: copies(OWN, {"recette": pins}, "reg.nc"), lambda: reasons({"recette": pins})):
        with pytest.raises(NotDeployed, match=r"stack recette, named in bus:delivery\.alsoFrom"):
            act()
