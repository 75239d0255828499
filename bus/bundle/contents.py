"""What is in a bundle: its description, and what is written beside the images."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from bus.bundle import logins, scripts
from bus.bundle.archive import BadBundle
from bus.config import hosted_registry
from bus.config.database_roles import ODOO2KAFKA_PASSWORD, ODOO_PASSWORD
from bus.config.stack_file import CENTRAL
from bus.deployment import MIRROR, PULL_SECRET, Deployment, SitePlan
from bus.image_reference import parse
from bus.images.delivered import listing, running
from bus.images.delivered.running import Pins
from bus.merge import Values, merge
from bus.releases.render import rendering

DESCRIPTION = "bundle.json"
_DIGEST = re.compile("sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Bundle:
    """A release in an archive: `images` maps where each goes -> its digest, and why it is here."""

    customer: str
    stack: str
    registry: str
    serial: int
    """grows with each bundle of the stack, so that an older one is known as such"""
    made: str
    """date and time, UTC"""
    images: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """blobs that an earlier bundle brought, so that this one leaves them out -> the image that has them"""

    def write(self, folder: Path) -> None:
        """As bundle.json."""
        (folder / DESCRIPTION).write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")

    @classmethod
    def read(cls, content: bytes) -> "Bundle":
        """Parse what `write` wrote; raise BadBundle, also for an image without a whole digest."""
        try:
            found = cls(**json.loads(content))
            wrong = [
                name for name, kind in (("serial", int), ("made", str)) if not isinstance(getattr(found, name), kind)
            ]
            wrong += [name for name in ("customer", "stack", "registry") if not isinstance(getattr(found, name), str)]
            wrong += [target for target, image in found.images.items() if not _DIGEST.fullmatch(str(image["digest"]))]
            wrong += [digest for digest in found.elsewhere if not _DIGEST.fullmatch(digest)]
            if wrong:
                raise ValueError(f"{wrong[0][:200]} is not what it should be")
            for target in found.images:
                parse(target)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadBundle(f"{DESCRIPTION} cannot be read: {error}; was it made by another version of bus?") from None
        return found


def describe(
    deployment: Deployment,
    stacks: Mapping[str, Pins | None],
    digests: Mapping[str, str],
    elsewhere: Mapping[str, str],
    serial: int,
    made: datetime,
) -> Bundle:
    """Describe a stack's bundle; `digests` has that of each image where it comes from."""
    why = listing.reasons(deployment, stacks)
    images = {
        target: {"source": source, "digest": digests[source], "why": why[source]}
        for source, target in deliveries(deployment, stacks).items()
    }
    content = deployment.settings.stack_file
    when = made.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Bundle(content.customer, deployment.settings.stack, deployment.registry, serial, when, images, elsewhere)


def deliveries(deployment: Deployment, stacks: Mapping[str, Pins | None]) -> dict[str, str]:
    """Every image that a bundle brings: where it comes from -> where it goes. Raises NotDeployed."""
    own = {source: target for site in deployment.sites for source, target in deployment.deliveries(site).items()}
    return {**own, **running.copies(own, stacks, deployment.registry)}


def write_site(folder: Path, deployment: Deployment, site: SitePlan, staged: Mapping[str, Path]) -> None:
    """A site's manifests in the order in which they go, and the scripts of its topics and indices."""
    manifests = folder / "manifests" / site.name
    manifests.mkdir(parents=True)
    metadata = {"name": site.site.namespace, "labels": deployment.namespace_labels(site.name)}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    (manifests / "0-namespace.yaml").write_text(json.dumps(namespace, indent=1) + "\n")
    for number, release in enumerate(deployment.releases(site.name), 1):
        values = _without_roles(site, release.values) if release is site.base else release.values
        text = rendering.render(staged[release.chart], release.name, site.site.namespace, values)
        (manifests / f"{number}-{release.name}.yaml").write_text(text)
    texts = {
        "base-topics.sh": scripts.topics(site.name, "base-topics.sh", site.base_topics),
        "topics.sh": scripts.topics(site.name, "topics.sh", site.topics),
        "indices.sh": scripts.indices(site.name, "indices.sh", site.indices, site.provisions),
    }
    if site.site.kafka.authorization or _mirrored(deployment, site):
        texts["logins.sh"] = _logins(deployment, site)
    if site.site.kafka.authorization:
        texts["users.sh"] = logins.users(site.name, site.users)
    for name, text in texts.items():
        (folder / "sites" / site.name).mkdir(parents=True, exist_ok=True)
        (folder / "sites" / site.name / name).write_text(text)


def _mirrored(deployment: Deployment, site: SitePlan) -> dict[str, str]:
    """The complexes whose brokers ask the mirror of this site for a login -> the user that it is there."""
    others = (one for one in deployment.sites.values() if one.kind != CENTRAL and MIRROR in one.users)
    return {one.name: MIRROR for one in others} if site.kind == CENTRAL else {}


def _logins(deployment: Deployment, site: SitePlan) -> str:
    users = sorted(site.users) if site.site.kafka.authorization else None
    return logins.secrets(site.name, site.site.namespace, users, _mirrored(deployment, site))


def _without_roles(site: SitePlan, values: Values) -> Values:
    """Return the values of a base whose PostgreSQL has Odoo's role alone: a bundle makes no other (docs/adr/0059)."""
    if site.roles is None:
        return values
    return merge(values, {"config": {"data": {"odoo2kafka.postgres.user": site.roles.user}}})


def readme(deployment: Deployment, bundle: Bundle, fingerprint: str) -> str:
    """How the customer's operators check, load and install it, in order, with stock tools.

    `fingerprint` is that of the key that signs the bundle, empty where none does.
    """
    for_whom = f"--customer {bundle.customer} --stack {bundle.stack}"
    if fingerprint:
        trust = "--public-key PUBLIC_KEY.pem"
        key = [
            "The key:  PUBLIC_KEY.pem is what you were given before, by another way than this bundle. Its SHA-256:",
            f"          {fingerprint}",
            "          openssl pkey -pubin -in PUBLIC_KEY.pem -pubout -outform DER | sha256sum",
        ]
        signature = "          openssl dgst -sha256 -verify PUBLIC_KEY.pem -signature SHA256SUMS.sig SHA256SUMS"
    else:
        trust = "--unsigned"
        key = ["The key:  this bundle is NOT SIGNED. Nothing tells who made it."]
        signature = "          (no signature to check)"
    lines = [
        f"{bundle.customer}, stack {bundle.stack}, to be run from {bundle.registry}",
        f"serial number {bundle.serial}, made {bundle.made}",
        "",
        *key,
        "",
        f"Check:    bus bundle verify FILE {trust} {for_whom}",
        "          or with stock tools, in the unpacked folder:",
        signature,
        "          sha256sum -c SHA256SUMS",
        "          find . -type f ! -name 'SHA256SUMS*' -printf '%P\\n' | sort | diff - <(cut -c67- SHA256SUMS | sort)",
        f"Images:   bus bundle load FILE {trust} {for_whom}",
        "          or, the folder being an OCI layout, any tool that reads one:",
        "          skopeo copy --all --preserve-digests oci:.:NAME docker://REGISTRY/NAME (names: index.json)",
        "",
        "Then, site by site, each step once the one before is ready:",
    ]
    for site in deployment.sites.values():
        namespace = site.site.namespace
        lines += [
            "",
            f"{site.name}:",
            f"  kubectl apply -f manifests/{site.name}/0-namespace.yaml",
            *_secrets(deployment, site),
        ]
        secured = site.site.kafka.authorization
        brokers = "BROKER:9092" + (f" --command-config LOGINS/{site.name}/admin.properties" if secured else "")
        if secured or _mirrored(deployment, site):
            lines.append(f"  sites/{site.name}/logins.sh LOGINS   # a folder that keeps the passwords, not this one")
        for number, release in enumerate(deployment.releases(site.name), 1):
            if release is site.bricks:
                lines.append(f"  sites/{site.name}/topics.sh {brokers}; sites/{site.name}/indices.sh http://ES:9200")
            if release is site.notif:
                lines += [f"  sites/{site.name}/users.sh BROKER:9092 LOGINS"] if secured else []
                lines.append(f"  sites/{site.name}/base-topics.sh {brokers}")
            file = f"manifests/{site.name}/{number}-{release.name}.yaml"
            lines.append(f"  kubectl apply -n {namespace} -f {file}")
    return "\n".join(lines) + "\n"


def _secrets(deployment: Deployment, site: SitePlan) -> list[str]:
    """How the secrets of a site are made, which no bundle has; each from a file, so that none is in a process list."""
    make = f"  kubectl create secret generic {{}} -n {site.site.namespace}"
    keys = ", ".join(sorted(deployment.settings.secret_keys[site.name]))
    same = f"{ODOO2KAFKA_PASSWORD} is that of {ODOO_PASSWORD}: a bundle makes no role of its own for it"
    lines = [f"{make.format('cineges-secret')} --from-env-file=FILE   # keys: {keys} ({same})"]
    if deployment.settings.pull_secret:
        how = "--type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE"
        lines.append(f"{make.format(PULL_SECRET)} {how}   # a config.json of docker login {deployment.registry}")
    if site.registry and site.name in deployment.settings.htpasswd_keys:
        lines.append(f"{make.format(hosted_registry.SECRET)} --from-file=htpasswd=FILE   # htpasswd -nB USER > FILE")
    return lines


def paths(bundle: Bundle) -> dict[str, tuple[str, str]]:
    """Where each image goes -> its path and tag in the bundle's layout."""
    references = {target: parse(target) for target in bundle.images}
    return {target: (image.path, image.tag or f"untagged-{image.digest[7:19]}") for target, image in references.items()}
