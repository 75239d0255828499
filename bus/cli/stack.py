"""A stack as a verb sees it: its settings and plan, read with the pulumi CLI, which alone can decrypt its secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.cli.engine import StackError, pulumi, reason
from bus.cluster.access import Cluster
from bus.config import authored, settings
from bus.deployment import Deployment
from bus.errors import InvalidInput
from bus.images.delivered.running import Pins
from bus.plan import build


@dataclass(frozen=True)
class Stack:
    """A stack's plan, and the flat config that the kubeconfigs of its sites are in."""

    plan: Deployment
    config: Mapping[str, str] = field(repr=False)

    def cluster(self, site: str) -> Cluster:
        """How a site's cluster is reached; raises StackError for a site that the stack does not have."""
        if site not in self.plan.sites:
            raise StackError(
                f"stack {self.plan.settings.stack} has no site {site}; sites: {', '.join(self.plan.sites)}"
            )
        return self.plan.cluster(site, self.config)

    def reached(self, *sites: str) -> dict[str, Cluster]:
        """Return the clusters of `sites`, or of all.

        Raises StackError, and InvalidInput with each one that does not answer.
        """
        from bus.cluster.reachable import unreachable  # kr8s takes a third of a second to import

        clusters = {site: self.cluster(site) for site in sites or self.plan.sites}
        if problems := unreachable(self.plan.settings, clusters):
            raise InvalidInput(list(problems.values()))
        return clusters


def load(root: Path, name: str, config_file: Path | None = None) -> Stack:
    """Return a stack's plan.

    Raises StackError where pulumi cannot read its config, InvalidInput where the plan has problems.
    """
    config, encrypted = read_config(root, name, config_file)
    text = authored.text_of(root, name, config_file)
    return Stack(build.plan(root, settings.load(name, config, encrypted, text)), config)


def read_config(root: Path, name: str, config_file: Path | None = None) -> tuple[dict[str, str], set[str]]:
    """A stack's flat config as a program sees it, secrets decrypted, and the keys that are secrets."""
    done = pulumi(root, "config", "--json", "--show-secrets", "--stack", name, config_file=config_file)
    if done.returncode:
        unread = authored.problems_of(authored.text_of(root, name, config_file), f"Pulumi.{name}.yaml")
        if unread:  # pulumi itself cannot take it, and says neither key nor line
            raise InvalidInput(unread)
        raise StackError(f"stack {name} cannot be read: {reason(done.stderr)}")
    entries = json.loads(done.stdout)
    # Not objectValue, whose whole numbers beyond 2^53 are rounded.
    config = {key: str(entry["value"] or _structured(entry)) for key, entry in entries.items()}
    return config, {key for key, entry in entries.items() if entry.get("secret")}


def _structured(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry["objectValue"]) if "objectValue" in entry else ""


def pins(root: Path, deployment: Deployment) -> dict[str, Pins | None]:
    """What the stacks of bus:delivery.alsoFrom run, as their outputs say; None where one was never deployed."""
    delivery, found = deployment.settings.stack_file.delivery, {}
    for name in delivery.also_from if delivery else ():
        done = pulumi(root, "stack", "output", "--json", "--stack", name)
        if done.returncode:
            raise StackError(f"stack {name}, named in bus:delivery.alsoFrom, cannot be read: {reason(done.stderr)}")
        found[name] = json.loads(done.stdout or "{}").get("pins")
    return found
