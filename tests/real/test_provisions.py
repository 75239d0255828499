"""A pipeline and an index template of the deployed customer: there before what uses them, put back after a hand."""

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bus.cluster.access import Cluster
from bus.cluster.endpoints import elasticsearch_url
from tests.real.sandbox import Site, Stack, eventually, operations, run

pytestmark = pytest.mark.real
CENTRAL, CINECITY = Site("hicksoncentral-local"), Site("hicksoncinecity-local")
PIPELINE = "_ingest/pipeline/film-titles"


def elasticsearch(site: Site, method: str, path: str, body: Any = None) -> httpx.Response:
    """A call that the API server's proxy does not let through: other than GET, or answered by an error."""
    with elasticsearch_url(Cluster(context="bus-sandbox", namespace=site.namespace)) as url:
        return httpx.request(method, f"{url}/{path}", json=body, timeout=120)


def test_a_title_comes_into_the_index_without_the_blanks_of_the_as400() -> None:
    key = f"film-{uuid.uuid4().hex[:8]}"
    CENTRAL.produce("cineges-central-api", "cineges.film.data", key, {"title": "  Mon oncle   ", "code": key})
    for site in (CENTRAL, CINECITY):
        document = eventually(lambda site=site: site.get("es", f"films/_doc/{key}", 9200))  # type: ignore[misc]
        assert document["_source"]["title"] == "Mon oncle"


def test_a_template_is_on_the_kind_of_site_that_its_fragment_names() -> None:
    assert CENTRAL.get("es", "_index_template/ventes-archive", 9200)["index_templates"]
    assert elasticsearch(CINECITY, "GET", "_index_template/ventes-archive").status_code == 404
    elasticsearch(CENTRAL, "PUT", "ventes-archive-essai").raise_for_status()
    try:
        [made] = CENTRAL.get("es", "ventes-archive-essai", 9200).values()
        assert made["settings"]["index"]["codec"] == "best_compression" and "ventes-archive" in made["aliases"]
    finally:
        elasticsearch(CENTRAL, "DELETE", "ventes-archive-essai").raise_for_status()


def test_a_policy_is_refused_at_preview_since_this_server_has_no_ilm(tmp_path: Path) -> None:
    stack = Stack.local().copied(tmp_path)
    file = stack.root / "values/cineges-central-jobs.yml"
    policy = "{phases: {delete: {min_age: 90d, actions: {delete: {}}}}}"
    file.write_text(f"{file.read_text()}policies:\n  - name: une-saison\n    policy: {policy}\n")
    with pytest.raises(AssertionError, match=r"lifecycle policy une-saison: Elasticsearch .* a module is missing"):
        stack.pulumi("preview")


def test_a_new_pipeline_is_a_line_of_a_preview(tmp_path: Path) -> None:
    stack = Stack.local().copied(tmp_path)
    file = stack.root / "values/cineges-central-jobs.yml"
    content = yaml.safe_load(file.read_text())
    content.setdefault("pipelines", []).append({"name": "essai", "processors": [{"lowercase": {"field": "code"}}]})
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    said = run("bus", "preview", "--stack", "local", "--config-file", str(stack.config), cwd=stack.root)
    assert "+ pipeline essai is added" in said


def test_a_pipeline_changed_by_hand_is_seen_by_drift_and_by_refresh_and_put_back() -> None:
    elasticsearch(CENTRAL, "PUT", PIPELINE, {"processors": []}).raise_for_status()
    with pytest.raises(AssertionError, match="ended with 2") as found:
        run("bus", "drift", "--stack", "local", "--config-file", str(Stack.local().config))
    assert operations(Stack.local().up("--refresh"))["central-indices"] == "update"
    assert CENTRAL.get("es", PIPELINE, 9200)["film-titles"]["processors"] == [
        {"trim": {"field": "title", "ignore_missing": True}}
    ]
    Stack.local().pulumi("preview", "--refresh", "--expect-no-changes")
    said = str(found.value)
    assert "central-indices: ~ pipeline film-titles: " in said and 'processors [{"trim": ' in said
