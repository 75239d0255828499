"""How an error ends a verb: what a user can mend is one message, anything else a traceback."""

import pytest

from bus.access import Unreachable
from bus.bundle.archive import BadBundle
from bus.cli import app
from bus.cli.promote import NotPromoted
from bus.cli.stack import NoStack
from bus.errors import Failed, Problem, Refused
from bus.git import GitFailed
from bus.images.credentials import BadCredentials
from bus.images.deployed import NotDeployed
from bus.images.pins import NoPin
from bus.images.registry import MissingImage, RegistryError
from bus.releases.rendering import NoHelm

MENDABLE = [
    Refused([Problem("f.yml", "a", 1, "must be 2")]),
    Failed({"t": "the reason"}),
    NotPromoted("not promoted", ["the reason"]),
    *(kind("the reason") for kind in (Unreachable, BadBundle, NoStack, GitFailed, BadCredentials, NotDeployed, NoPin)),
    *(kind("the reason") for kind in (RegistryError, MissingImage, NoHelm)),
]


def end_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def verb(prog_name: str) -> None:
        assert prog_name == "bus"
        raise error

    monkeypatch.setattr(app, "app", verb)
    app.main()


@pytest.mark.parametrize("error", MENDABLE, ids=lambda error: type(error).__name__)
def test_what_a_user_can_mend_is_one_message(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        end_with(error, monkeypatch)
    assert ended.value.code == 1
    assert capsys.readouterr() == ("", f"{error}\n")


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        end_with(KeyError("name"), monkeypatch)
