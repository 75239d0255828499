"""What a site's name becomes, of releases and resources, and which names cannot be for that reason."""

from collections import Counter
from collections.abc import Collection, Mapping

from bus.config import hosted_registry
from bus.config.stack_file import CENTRAL, NAMESPACE, Kind
from bus.errors import Problem

PART = "/"
"""between the parts of a name that no site has"""

NOTIF = "kafka-notif"
# maxReleaseNameLen of Helm's pkg/chartutil/validate_name.go. Narrower than the 63 characters of a Kubernetes label: the
# longest of ours is kafka2kafka-<site>, twelve before a name that Helm's limit holds to 49.
RELEASE_LENGTH = 53


def base_chart(customer: str) -> str:
    """The customer's umbrella chart of what the bricks of a site stand on."""
    return f"{customer}-base"


def umbrella(customer: str, kind: Kind) -> str:
    """The customer's umbrella chart of the bricks of a kind of site."""
    return f"{customer}-{kind}"


def base(site: str) -> str:
    """The release of what the bricks of a site stand on."""
    return "centralbase" if site == CENTRAL else f"base{site}"


def releases(site: str, enabled: Collection[str]) -> list[str]:
    """Every release of a site, the mirror apart; `enabled` are its optional bricks."""
    return [base(site), NOTIF, site, *([hosted_registry.BRICK] if hosted_registry.BRICK in enabled else [])]


def topics(site: str) -> str:
    """The resource of a site's topics, those of its base apart."""
    return f"{site}-topics"


def base_topics(site: str) -> str:
    """The resource of the topics that a site's base needs."""
    return f"{site}-base-topics"


def problems(file: str, enabled: Mapping[str, Collection[str]]) -> list[Problem]:
    """What is wrong with the names of sites; `enabled` maps each site to its optional bricks."""
    found = []
    for site, bricks in enabled.items():
        if reason := _too_long(site, bricks) or _release_twice(site, bricks) or _resource_twice(site, enabled):
            found.append(Problem(file, f"{NAMESPACE}:sites.{site}", site, *reason))
    return found


def _too_long(site: str, bricks: Collection[str]) -> tuple[str, str] | None:
    longest = max(releases(site, bricks), key=len)
    over = len(longest) - RELEASE_LENGTH
    if over <= 0:
        return None
    allowed = f"has {len(site)} characters, {len(site) - over} at most are allowed"
    reason = f"Helm takes {RELEASE_LENGTH} in the name of a release, and {longest} has {len(longest)}"
    return f"{allowed}: {reason}", "give the site a shorter name"


def _release_twice(site: str, bricks: Collection[str]) -> tuple[str, str] | None:
    twice = [name for name, count in Counter(releases(site, bricks)).items() if count > 1]
    if not twice:
        return None
    allowed = f"is also the name of another release of the site: its bricks are release {twice[0]}"
    return allowed, "give the site another name"


def _resource_twice(site: str, sites: Collection[str]) -> tuple[str, str] | None:
    """Both are of one type and have one parent, so only the name tells them apart."""
    other = next((other for other in sites if topics(site) == base_topics(other)), None)
    if other is None:
        return None
    allowed = f"cannot be beside a site {other}: {topics(site)} would be the Pulumi resource of topics of both"
    return allowed, "give one of them another name"


def mirror_of(site: str) -> str:
    """Return the unit of the mirror that runs on a site: `central/mirror`, which no site can be called."""
    return f"{site}{PART}mirror"
