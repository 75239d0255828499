"""What a site's name becomes: the names of its releases, and how long that lets it be; pure."""

from collections.abc import Collection, Mapping

from bus import hosting
from bus.errors import Problem
from bus.stack_file import CENTRAL, NAMESPACE

NOTIF = "kafka-notif"
# maxReleaseNameLen of Helm's pkg/chartutil/validate_name.go. Narrower than the 63 characters of a Kubernetes label: the
# longest of ours is kafka2kafka-<site>, twelve before a name that Helm's limit holds to 49.
RELEASE_LENGTH = 53


def base(site: str) -> str:
    """The release of what the bricks of a site stand on."""
    return "centralbase" if site == CENTRAL else f"base{site}"


def releases(site: str, enabled: Collection[str]) -> list[str]:
    """Every release of a site, the mirror apart; `enabled` are its optional bricks."""
    return [base(site), NOTIF, site, *([hosting.BRICK] if hosting.BRICK in enabled else [])]


def problems(file: str, enabled: Mapping[str, Collection[str]]) -> list[Problem]:
    """What is wrong with the names of sites; `enabled` maps each site to its optional bricks."""
    return [problem for site in enabled for problem in _too_long(file, site, enabled[site])]


def _too_long(file: str, site: str, enabled: Collection[str]) -> list[Problem]:
    longest = max(releases(site, enabled), key=len)
    over = len(longest) - RELEASE_LENGTH
    if over <= 0:
        return []
    allowed = f"has {len(site)} characters, {len(site) - over} at most are allowed"
    reason = f"Helm takes {RELEASE_LENGTH} in the name of a release, and {longest} has {len(longest)}"
    return [Problem(file, f"{NAMESPACE}:sites.{site}", site, f"{allowed}: {reason}", "give the site a shorter name")]
