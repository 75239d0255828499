"""`bus indices`: what the verbs about one index of a site share, and which there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli.engine import project
from bus.cli.stack import load
from bus.cluster.endpoints import elasticsearch_url

if TYPE_CHECKING:
    from bus.indices.admin import Admin

Site = Annotated[str, typer.Option("--site", help="central, or a complexe")]
Name = Annotated[str, typer.Argument(help="name of the index, as bricks use it")]


@contextmanager
def admin_of(stack: str, site: str, config_file: Path | None) -> Iterator["Admin"]:
    """The admin client of a site's Elasticsearch; raises StackError, InvalidInput or Unreachable."""
    from bus.indices.admin import Admin  # the client takes 0.6 s to import, and other verbs need none

    found = load(project(), stack, config_file)
    cluster = found.reached(site)[site]
    with elasticsearch_url(cluster, found.plan.sites[site].site.elasticsearch.endpoint or "") as url:
        admin = Admin(url)
        try:
            yield admin
        finally:
            admin.close()
