"""What bus:confirmDelete names for nothing: nobody has it, or a brick declares it still."""

from collections.abc import Callable, Collection, Iterator, Mapping

from bus.cluster.access import Cluster, Unreachable
from bus.cluster.endpoints import elasticsearch_url, kafka_servers
from bus.config.parsing import nearest
from bus.deployment import Deployment
from bus.errors import PartialFailure
from bus.fan_out import fan_out

# Each one may open port-forwards and a client with threads of its own.
_SITES_AT_ONCE = 8
Names = Mapping[str, Collection[str]]
"""site -> names of topics, or of indices; a site that could not be asked is not in it"""


def remarks(block: str, noun: str, confirmed: Collection[str], declared: Names, live: Names) -> Iterator[str]:
    """What should be known of each name that confirms no deletion now.

    `declared` has every site of the stack. Where one that may have it could not be asked, nothing is said. A name that
    stays there confirms whatever bears it later.
    """
    for entry in confirmed:
        site, _, name = entry.rpartition("/")
        sites = [site] if site else sorted(declared)
        what = f"bus:confirmDelete.{block} names {entry}"
        if site and site not in declared:
            yield f"{what}, but the stack has no site {site}; its sites: {', '.join(sorted(declared))}"
            continue
        if any(one not in live or name in set(live[one]) - set(declared[one]) for one in sites):
            continue
        if any(name in declared[one] for one in sites):
            yield (
                f"{what}, which a brick declares: nothing is deleted now, but once its fragment goes, it goes with its "
                f"data and without another word; take it out of bus:confirmDelete until then"
            )
            continue
        free = {other for one in sites for other in set(live[one]) - set(declared[one])}
        near = nearest(name, free) or nearest(name, {other for one in sites for other in declared[one]})
        yield (
            f"{what}, but no {noun} of {', '.join(sites)} has that name{f': {near}' if near else ';'} "
            f"{'If' if near else 'if'} it is deleted already, take it out: it would confirm the deletion of a later one"
        )


def of_stack(deployment: Deployment, clusters: Mapping[str, Cluster]) -> list[str]:
    """The remarks of a stack, once its clusters are asked: only where it confirms anything."""
    confirmed, sites = deployment.settings.stack_file.confirm_delete, deployment.sites
    said: list[str] = []
    if confirmed.topics:
        topics = {name: {*site.base_topics, *site.topics} for name, site in sites.items()}
        said += remarks("topics", "topic", confirmed.topics, topics, _answers(_topics, deployment, clusters))
    if confirmed.indices:
        indices = {name: set(site.indices) for name, site in sites.items()}
        said += remarks("indices", "index", confirmed.indices, indices, _answers(_indices, deployment, clusters))
    return said


def _answers(
    ask: Callable[[Deployment, str, Cluster], Collection[str]], deployment: Deployment, clusters: Mapping[str, Cluster]
) -> Names:
    def answer(site: str) -> Collection[str] | None:
        try:
            return ask(deployment, site, clusters[site])
        except (Unreachable, PartialFailure):
            return None  # the site's own resource says what is wrong

    found = fan_out(clusters, answer, at_once=_SITES_AT_ONCE).values
    return {site: names for site, names in found.items() if names is not None}


def _topics(deployment: Deployment, site: str, cluster: Cluster) -> list[str]:
    from bus.topics.admin import Admin  # the client takes 0.2 to 0.5 s to import, and most stacks confirm nothing

    servers = deployment.sites[site].site.kafka.bootstrap_servers or ""
    with kafka_servers(cluster, deployment.settings.admin_port(site), servers) as found:
        return Admin(found.bootstrap, found.login).names()


def _indices(deployment: Deployment, site: str, cluster: Cluster) -> list[str]:
    from elasticsearch import ApiError, TransportError  # as in _topics

    from bus.indices.admin import Admin
    from bus.indices.server import errors

    with elasticsearch_url(cluster, deployment.sites[site].site.elasticsearch.endpoint or "") as url:
        admin = Admin(url)
        try:
            return admin.names()
        except (ApiError, TransportError) as error:
            raise PartialFailure({f"Elasticsearch of {site}": errors.text(error)}) from error
        finally:
            admin.close()
