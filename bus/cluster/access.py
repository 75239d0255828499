"""Where a site's servers are and who asks them: the types, without a client of anything."""

from dataclasses import dataclass, field
from typing import Literal

from bus.errors import UserError

# Made by components/logins.py where a site's Kafka has an authorizer (docs/adr/0013).
BROKERS_SECRET = "kafka-brokers"
# RFC 5802, RFC 7677. A user can have one password for each, so that an old and a new one are both valid for a while.
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256")
OF_BROKERS = MECHANISMS[0]
"""of brokers among each other, and of bus where it reaches them over a network"""


class Unreachable(UserError):
    """A cluster or a server that does not answer; the message says which and why."""


class Denied(Unreachable):
    """Brokers that answer and do not take a login."""


class NotDeployed(Unreachable):
    """The servers are not there yet: the ordinary state of a first preview."""


class NotReady(NotDeployed):
    """The workload is there, and none of its pods is ready: it may be starting."""


@dataclass(frozen=True)
class Cluster:
    """Where a site runs: a context of the ambient kubeconfig, or a kubeconfig of its own."""

    context: str = ""
    kubeconfig: str = field(default="", repr=False)
    """text of a kubeconfig; a secret"""
    namespace: str = "default"
    mode: Literal["port-forward", "direct"] = "port-forward"


@dataclass(frozen=True)
class Login:
    """Who a client is to brokers that ask."""

    user: str
    password: str = field(repr=False)
    mechanism: str = "PLAIN"


@dataclass(frozen=True)
class Servers:
    """Brokers as the runner reaches them."""

    bootstrap: str
    login: Login | None = None
    """None where they ask for none"""
