"""What a run says where a resource failed and the others went on: `pulumi up --continue-on-error`."""

import pulumi
from pulumi.runtime import stack


class LeftAsItIs(stack.ResourceRegistrationFailed, pulumi.RunError):
    """A resource failed, and what depends on it was not touched; the SDK ends a program with a RunError's message."""

    def __str__(self) -> str:
        failed = super().__str__().removesuffix(" to register")
        return f"{failed}; what depends on it was left as it is, and waits for the next pulumi up"


def without_traceback() -> None:
    """The program ends with a message and no traceback, once all that depends on no failed resource is done.

    It has to end with an error: the engine deletes whatever the program did not name in a run that ended well, and so
    all that depends on a failed resource (docs/adr/0038).
    """
    stack.ResourceRegistrationFailed = LeftAsItIs  # type: ignore[misc]
