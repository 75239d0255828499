"""Settings, bricks and charts into one Deployment, or one refusal, before anything is touched."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bus.config import bricks as brick_files
from bus.config import hosted_registry, names
from bus.config.bricks import Brick
from bus.config.database_roles import roles_of
from bus.config.settings import Settings, cineges_config
from bus.config.stack_file import CENTRAL, Site, kind_of
from bus.config.yaml_files import as_written
from bus.deployment import MIRROR, NOTIF, POSTGRES, REGISTRY, Deployment, Release, SitePlan, deployable
from bus.errors import InvalidInput, Problem
from bus.image_reference import from_values
from bus.images.registry import trust
from bus.images.signatures import verifying
from bus.indices.declared import index as index_model
from bus.indices.declared.supporting import Provision, for_site, merge_provisions
from bus.merge import at, merge
from bus.plan import environment, validation
from bus.plan.derived_values import base_values, enabled, login_values, mirror_login, shared_values
from bus.releases.render import exact
from bus.releases.render.values import is_enabled, places, release_values, with_defaults
from bus.revisions import KeysRead, keys_read, of_config
from bus.running import versions
from bus.topics import granting, mirror_filters
from bus.topics import model as topic_model
from bus.topics.mirror_patterns import Patterns, check_mirror, to_regex
from bus.users.rights import of_bricks, of_mirrors

STREAMS = "kafkastreams-chart"


def plan(root: Path, settings: Settings) -> Deployment:
    """The deployment of `settings` with the charts/ and values/ of `root`; raises InvalidInput with every problem."""
    folder = root / "charts"
    if missing := validation.no_umbrellas(settings, folder):
        raise InvalidInput(missing)
    umbrella_places = {chart: places(folder, chart) for chart in deployable(settings.stack_file.customer)}
    known = frozenset(brick for found in umbrella_places.values() for brick in found)
    bricks, problems = brick_files.load(root / "values", known)
    spoiled = {problem.file for problem in problems}
    problems += validation.unknown_bricks(settings, known) + validation.not_here(settings, umbrella_places)
    problems += validation.changed_numbers(settings, bricks)
    topics, wrong_topics = topic_model.merge_fragments({b.file: (b.name, b.content.topics) for b in bricks.values()})
    indices, wrong_indices = index_model.merge_fragments({b.file: (b.name, b.content.indices) for b in bricks.values()})
    provisions, wrong_provisions = merge_provisions({b.file: (b.name, b.provisions) for b in bricks.values()})
    problems += wrong_topics + wrong_indices + wrong_provisions
    problems += granting.unknown(topics, known)

    sites = {}
    for name in sorted(settings.stack_file.sites):
        site, wrong = _site(folder, settings, name, bricks, topics, indices, provisions)
        sites[name] = site
        problems += wrong
    mirror, wrong = _mirror(folder, settings, bricks, sites)
    problems += wrong
    if mirror:
        sites = _with_mirror_users(sites)
    made = Deployment(settings, sites, mirror)
    problems += granting.refused(topics, _clients(sites))
    problems += validation.of_images(folder, made, umbrella_places, bricks, spoiled)
    problems += trust.problems(settings.file, settings.stack_file, root)
    problems += verifying.problems(settings.file, settings.stack_file.images, root)
    problems += environment.problems(folder, made, umbrella_places, bricks)
    if problems:
        raise InvalidInput(as_written(dict.fromkeys(problems), root))
    return made


def _site(
    folder: Path,
    settings: Settings,
    name: str,
    bricks: Mapping[str, Brick],
    topics: list[topic_model.Topic],
    indices: list[index_model.Index],
    provisions: list[Provision],
) -> tuple[SitePlan, list[Problem]]:
    site, kind, seconds = settings.stack_file.sites[name], kind_of(name), settings.stack_file.timeouts
    customer = settings.stack_file.customer
    config = cineges_config(settings, name, runs_postgres=_runs(folder, settings, name, bricks, POSTGRES))
    mine = [topic for topic in topics if topic.applies_to(kind)]
    own_charts = (names.base_chart(customer), NOTIF, names.umbrella(customer, kind))
    rights = of_bricks(mine, _of_chart(folder, own_charts, STREAMS)) if site.kafka.authorization else {}
    logins = login_values(site, rights)
    problems = list(exact.problems(settings.file, f"bus:sites.{name}.config", config))

    def release(
        release_name: str,
        chart: str,
        timeout: int,
        derived: Mapping[str, Any],
        delivered: bool = True,
        reads: KeysRead | None = None,
    ) -> Release:
        wanted = merge(shared_values(settings, delivered), logins, enabled(folder, chart, site), derived)
        made, wrong = _release(folder, settings, name, bricks, release_name, chart, timeout, wanted)
        problems.extend(wrong)
        return _with_revisions(replace(made, delivered=delivered, reads=reads or made.reads), config)

    # Templates of the base read keys that no values name; it has cineges-config itself, so it changes with it anyway.
    every = KeysRead(frozenset(config), frozenset(settings.secret_keys[name]))
    fixed = base_values(settings, name, config)
    base = release(names.base(name), names.base_chart(customer), seconds.base_seconds, fixed, reads=every)
    roles = roles_of(site, base.images, settings.secret_keys[name]) if POSTGRES in base.images else None
    made = frozenset(roles.passwords.values()) if roles else frozenset()
    base = replace(base, reads=replace(every, secret=every.secret | made))
    notif = release(NOTIF, NOTIF, seconds.bricks_seconds, {})
    umbrella = release(name, names.umbrella(customer, kind), seconds.bricks_seconds, {})
    registry = None
    if REGISTRY in site.enable:
        hosts = _hosts(settings, name)
        auth: dict[str, Any] = {"htpasswdSecret": hosted_registry.SECRET} if name in settings.htpasswd_keys else {}
        known = KeysRead(secret=frozenset({hosted_registry.HTPASSWD}) if auth else frozenset())
        auth |= {"push": {"enabled": True}} if hosts else {}
        registry = release(REGISTRY, REGISTRY, seconds.base_seconds, auth, not hosts, known)
    if site.kafka.authorization:
        problems += _before_users(name, base.chart, _users_of(mine) & base.images.keys())

    default = site.kafka.replication_factor
    problems += [problem for topic in mine for problem in topic.beyond(site.kafka.brokers, default, name)]
    wanted = {topic.name: topic.wanted(default) for topic in mine}
    base_topics = {topic.name for topic in mine if NOTIF in topic.producers}
    plan = SitePlan(
        name=name,
        kind=kind,
        site=site,
        config=config,
        base=base,
        notif=notif,
        bricks=umbrella,
        registry=registry,
        base_topics={topic: wanted[topic] for topic in sorted(base_topics)},
        topics={topic: wanted[topic] for topic in sorted(wanted.keys() - base_topics)},
        indices={
            index.name: index.wanted() for index in sorted(indices, key=lambda i: i.name) if index.applies_to(kind)
        },
        provisions=for_site(provisions, kind),
        mirrored=mirrored_into(name, settings),
        roles=roles,
    )
    deployed = {brick for one in plan.releases for brick in one.images}
    return replace(plan, users={brick: may for brick, may in rights.items() if brick in deployed}), problems


def _release(
    folder: Path,
    settings: Settings,
    site: str,
    bricks: Mapping[str, Brick],
    name: str,
    chart: str,
    timeout: int,
    derived: Mapping[str, Any],
) -> tuple[Release, list[Problem]]:
    layers = validation.layers(settings, site, bricks)
    values, problems = release_values(folder, chart, layers, derived)
    full = with_defaults(folder, chart, values)
    running = {brick: _at(full, path) for brick, (path, _) in places(folder, chart).items() if is_enabled(full, path)}
    images = {
        brick: from_values(own["image"]) for brick, own in running.items() if isinstance(own.get("image"), Mapping)
    }
    problems += validation.without_image(folder, places(folder, chart), running.keys() - images.keys())
    return Release(name, chart, full, timeout, images, reads=keys_read(running.values())), problems


def _with_revisions(release: Release, config: Mapping[str, str]) -> Release:
    """The release with the revisions of the keys of cineges-config that it reads; those of secrets come at run time."""
    known = {key: revision for key, revision in of_config(config).items() if key in release.reads.config}
    return replace(release, values=merge(release.values, {"global": {"configRevisions": known}}))


def _runs(folder: Path, settings: Settings, site: str, bricks: Mapping[str, Brick], brick: str) -> bool:
    """Tell whether a site's base has a brick, before the values are known that follow from it."""
    chart = names.base_chart(settings.stack_file.customer)
    path = places(folder, chart).get(brick, ((), ""))[0]
    if not path:
        return False
    layers = validation.layers(settings, site, bricks)
    own = [at(path, layer.bricks[brick]) for layer in layers if brick in layer.bricks]
    return is_enabled(with_defaults(folder, chart, merge(*own)), path)


def _hosts(settings: Settings, site: str) -> bool:
    """Whether a site runs the registry that everything is delivered to."""
    return settings.stack_file.delivery is not None and settings.stack_file.delivery.hosted_by == site


def _clients(sites: Mapping[str, SitePlan]) -> list[granting.Clients]:
    """Who is asked for a right on each site that authorizes; bricks of the base can have none (_before_users)."""
    return [
        granting.Clients(
            name, site.kind, frozenset(brick for one in site.releases if one is not site.base for brick in one.images)
        )
        for name, site in sites.items()
        if site.site.kafka.authorization
    ]


def _users_of(topics: Collection[topic_model.Topic]) -> set[str]:
    """Every brick that owns one of these topics, reads it or writes it."""
    return {brick for topic in topics for brick in (*topic.producers, *topic.consumers)}


def _before_users(site: str, chart: str, bricks: Collection[str]) -> list[Problem]:
    """Bricks of the base that name a topic: they would wait for a Kafka user that waits for the base to be ready."""
    allowed = f"is deployed with {chart}, before its Kafka user on {site} can be made"
    remedy = "let a brick of the umbrella have the topic, or switch kafka.authorization of the site off"
    return [Problem(f"values/{brick}.yml", "topics", brick, allowed, remedy) for brick in sorted(bricks)]


def _of_chart(folder: Path, releases: Collection[str], chart: str) -> set[str]:
    """The bricks of some releases' charts that are aliases of a type chart."""
    found = [places(folder, release) for release in releases]
    return {brick for bricks in found for brick, (_, its_chart) in bricks.items() if its_chart == chart}


def mirrored_into(name: str, settings: Settings) -> dict[str, str]:
    """What kafka2kafka copies into a site: glob -> the sites it comes from."""
    sites = settings.stack_file.sites
    if kind_of(name) != CENTRAL:
        return dict.fromkeys(sites[name].mirror.ctrl2cplx, CENTRAL)
    sources: dict[str, list[str]] = {}
    for other, site in sites.items():
        for glob in site.mirror.cplx2ctrl:
            sources.setdefault(glob, []).append(other)
    return {glob: ", ".join(sorted(names)) for glob, names in sorted(sources.items())}


def _mirror(
    folder: Path, settings: Settings, bricks: Mapping[str, Brick], sites: Mapping[str, SitePlan]
) -> tuple[Release | None, list[Problem]]:
    """kafka2kafka, where any complexe mirrors anything; it runs on central."""
    patterns = _patterns(sites)
    if not patterns:
        return None, []
    complexes = []
    for name, pattern in patterns.items():
        site = sites[name].site
        complexes.append(
            {
                "name": name,
                **_mirrored_brokers(site, f".{site.namespace}"),
                "topics": {
                    "ctrl2cplx": [to_regex(glob) for glob in pattern.ctrl2cplx],
                    "cplx2ctrl": [to_regex(glob) for glob in pattern.cplx2ctrl],
                },
                "replicationFactor": min(3, site.kafka.brokers),
                **mirror_login(site, f"{MIRROR}-{name}"),
            }
        )
    central = sites[CENTRAL].site
    derived = {
        "central": {
            **_mirrored_brokers(central, ""),
            "replicationFactor": min(3, central.kafka.brokers),
            **mirror_login(central, MIRROR),
        },
        "complexes": complexes,
    }
    wanted = merge(shared_values(settings), derived)
    seconds = settings.stack_file.timeouts.mirror_seconds
    release, problems = _release(folder, settings, CENTRAL, bricks, MIRROR, MIRROR, seconds, wanted)
    if wrong := _unsound(settings, sites, patterns, release):
        return None, wrong
    return release, problems


def _unsound(
    settings: Settings, sites: Mapping[str, SitePlan], patterns: Mapping[str, Patterns], release: Release
) -> list[Problem]:
    """Return what MirrorMaker would not do as the patterns say, by the version that its image has."""
    image = release.images.get(MIRROR)
    version = image and (versions.named(settings.stack_file.images.versions, image) or versions.of_tag(image.tag))
    if image and version and mirror_filters.is_older(version.numbers, mirror_filters.OLDEST):
        oldest = ".".join(map(str, mirror_filters.OLDEST))
        allowed = f"has no replication policy that keeps the names of topics; allowed: Kafka {oldest} or newer"
        remedy = "if that is no version of Kafka, say which it has: bus:images.versions"
        return [Problem(f"values/{MIRROR}.yml", "image.tag", image.tag, allowed, remedy)]
    declared = {name: {*site.topics, *site.base_topics} for name, site in sites.items()}
    topics = sorted({topic for of_site in declared.values() for topic in of_site})
    numbers = version.numbers if version else None
    return check_mirror(settings.file, patterns, topics, declared=declared, version=numbers)


def _mirrored_brokers(site: Site, domain: str) -> dict[str, Any]:
    """Where the mirror finds a side's brokers, and the names of all of them where they are Services of the cluster."""
    if elsewhere := site.kafka.mirror_bootstrap_servers:
        return {"bootstrapServers": elsewhere, "brokers": []}
    return {"bootstrapServers": f"kafka{domain}:9092", "brokers": [f"kafka-headless{domain}:9092"]}


def _patterns(sites: Mapping[str, SitePlan]) -> dict[str, Patterns]:
    """What is mirrored between central and each complexe that mirrors anything."""
    return {
        name: Patterns(site.site.mirror.ctrl2cplx, site.site.mirror.cplx2ctrl)
        for name, site in sites.items()
        if site.kind != CENTRAL and (site.site.mirror.ctrl2cplx or site.site.mirror.cplx2ctrl)
    }


def _with_mirror_users(sites: Mapping[str, SitePlan]) -> dict[str, SitePlan]:
    """The sites, with the mirror's user on each of them that asks for a login."""
    topics = {name: {*site.base_topics, *site.topics} for name, site in sites.items()}
    rights = of_mirrors(topics, _patterns(sites))
    return {
        name: replace(site, users={**site.users, MIRROR: rights[name]})
        if site.site.kafka.authorization and name in rights
        else site
        for name, site in sites.items()
    }


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    current: Any = values
    for part in path:
        current = current.get(part, {})
    return current if isinstance(current, Mapping) else {}
