"""What a preview says of names in bus:confirmDelete that confirm nothing now."""

import pytest

from bus.plan.confirmations import remarks
from bus.plan.deletion_policy import removal

DECLARED = {"central": {"cineges.film.data", "both"}, "cinecity": {"both"}}
LIVE = {
    "central": {"cineges.film.data", "both", "cineges.sale.save"},
    "cinecity": {"cineges.film.data", "both"},
}


@pytest.mark.parametrize(
    ("confirmed", "said"),
    [
        ("cineges.sale.save", ""),
        ("cineges.film.data", ""),  # cinecity has it, and no brick declares it there
        ("cinecity/cineges.film.data", ""),
        ("central/cineges.film.data", "which a brick declares: nothing is deleted now"),
        ("both", "which a brick declares: nothing is deleted now"),
        (
            "cineges.sales.save",
            "but no topic of central, cinecity has that name: did you mean cineges.sale.save? If it",
        ),
        ("cinecity/cineges.flim.data", "no topic of cinecity has that name: did you mean cineges.film.data?"),
        ("cinecity/cineges.sale.save", "no topic of cinecity has that name"),
        ("central/cineges.film.dat", "no topic of central has that name: did you mean cineges.film.data?"),
        ("gone", "no topic of central, cinecity has that name; if it is deleted already, take it out"),
        ("cinecty/both", "but the stack has no site cinecty; its sites: central, cinecity"),
    ],
)
def test_a_name_that_confirms_nothing_is_said(confirmed: str, said: str) -> None:
    found = list(remarks("topics", "topic", [confirmed], DECLARED, LIVE))
    assert [text.startswith(f"bus:confirmDelete.topics names {confirmed}, ") for text in found] == [True] * bool(said)
    assert said in "".join(found)


@pytest.mark.parametrize("confirmed", ["gone", "both", "cinecity/gone"])
def test_nothing_is_said_where_a_site_that_may_have_it_was_not_asked(confirmed: str) -> None:
    assert not list(remarks("topics", "topic", [confirmed], DECLARED, {"central": LIVE["central"]}))


@pytest.mark.parametrize(("confirmed", "deleted"), [("t", True), ("central/t", True), ("cinecity/t", False)])
def test_a_confirmation_may_name_the_site(confirmed: str, deleted: bool) -> None:
    assert removal("t", ["t"], [confirmed], 5, unit="messages", block="topics", site="central").delete == deleted
