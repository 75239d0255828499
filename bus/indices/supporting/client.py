"""Policies, templates and pipelines of a live server: read in a few calls, made side by side, deleted when unused."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from elasticsearch import ApiError, Elasticsearch, ElasticsearchWarning, NotFoundError, TransportError

from bus.indices.declared.supporting import KINDS, NOUNS, PATHS, Bodies
from bus.indices.diff.settings import Setting, flatten
from bus.indices.server.errors import text
from bus.indices.server.versions import COMPONENTS, LEGACY, Server
from bus.indices.supporting.diff import Held, each, to_put, users

_AT_ONCE = 50
_JSON = {"content-type": "application/json", "accept": "application/json"}
_LEGACY = "/_template"
_USES = "index.default_pipeline,index.final_pipeline,index.lifecycle.name"
# How a server answers that it does not know an API at all: no handler, or an index or method of that name.
_UNKNOWN = (400, 405)
_FORBIDDEN = (401, 403)

# Which indices use a pipeline is asked of all, the server's own among them; nothing of those is changed.
warnings.filterwarnings("ignore", message="this request accesses system indices", category=ElasticsearchWarning)


class Provisioning:
    """The calls about what indices rely on, of one server."""

    def __init__(self, client: Elasticsearch, server: Server) -> None:
        self._client, self._server = client, server
        legacy = server.major < COMPONENTS.since
        self._paths = {**PATHS, "indexTemplates": _LEGACY} if legacy else PATHS
        self._legacy = legacy

    def read(self) -> Held:
        """Everything of these kinds that the server has."""
        bodies: dict[str, dict[str, Mapping[str, Any]]] = {}
        lacking: dict[str, str] = {}
        with ThreadPoolExecutor(len(KINDS) + 1) as pool:
            uses = pool.submit(self._uses)
            for kind, answer in zip(KINDS, pool.map(self._answer, KINDS), strict=True):
                if isinstance(answer, str):
                    lacking[kind] = answer
                else:
                    bodies[kind] = answer
            return Held(bodies, lacking, LEGACY.refusal(self._server), uses.result())

    def templates(self) -> Bodies:
        """The index templates of the server, and what they are composed of, as far as they may be read."""
        answers = {kind: self._answer(kind) for kind in ("componentTemplates", "indexTemplates")}
        return {kind: answer for kind, answer in answers.items() if not isinstance(answer, str)}

    def make(self, held: Held, wanted: Bodies) -> dict[str, str]:
        """Puts what is missing or other: index templates once what they are made of is there; kind/name -> error."""
        changed = to_put(held, wanted)
        templates = {"indexTemplates": changed.pop("indexTemplates", {})}
        return self._each(each(changed), self._put) | self._each(each(templates), self._put)

    def delete(self, gone: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Deletes kind by kind, users first; what is in use stays. Returns kind/name -> why it is kept."""
        kept: dict[str, str] = {}
        asked = set(gone)
        for kind in reversed(KINDS):
            names = sorted(name for there, name in asked if there == kind)
            if not names:
                continue
            held = self.read()
            found = [name for name in names if name in held.bodies.get(kind, {})]
            used = {name: users(held, kind, name) for name in found}
            kept |= {f"{kind}/{name}": f"is used by {', '.join(who)}" for name, who in used.items() if who}
            free: list[tuple[str, str, Mapping[str, Any]]] = [(kind, name, {}) for name in found if not used[name]]
            kept |= self._each(free, lambda k, name, _: self._call("DELETE", f"{self._paths[k]}/{name}"))
        return kept

    def _answer(self, kind: str) -> dict[str, Mapping[str, Any]] | str:
        """name -> body, or why the server knows none of this kind."""
        if kind == "componentTemplates" and self._legacy:
            return COMPONENTS.refusal(self._server)
        try:
            answer = self._call("GET", self._paths[kind])
        except NotFoundError as error:
            return {} if error.body in ({}, None) else f"Elasticsearch {self._server.version} here has none of it"
        except ApiError as error:
            if error.status_code in _FORBIDDEN:
                return f"{self._paths[kind]} may not be read: {text(error)}"
            if error.status_code not in _UNKNOWN:
                raise
            return f"Elasticsearch {self._server.version} here has no {self._paths[kind]}: a module is missing"
        if kind in ("componentTemplates", "indexTemplates") and not self._legacy:
            key = {"componentTemplates": "component_template", "indexTemplates": "index_template"}[kind]
            return {one["name"]: one[key] for one in answer[f"{key}s"]}
        if kind == "indexTemplates":
            return {name: _composed(body) for name, body in answer.items()}
        if kind == "policies":
            return {name: {"policy": body["policy"]} for name, body in answer.items()}
        return dict(answer)

    def _uses(self) -> dict[str, dict[str, Setting | None]]:
        answer = self._call("GET", f"/_all/_settings/{_USES}?flat_settings=true&expand_wildcards=all")
        return {index: flatten(content["settings"]) for index, content in answer.items()}

    def _put(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        given = _legacy(body) if kind == "indexTemplates" and self._legacy else body
        self._call("PUT", f"{self._paths[kind]}/{name}", dict(given))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return self._client.perform_request(method, path, headers=_JSON, body=body).body

    def _each(
        self, what: Iterable[tuple[str, str, Mapping[str, Any]]], act: Callable[[str, str, Mapping[str, Any]], Any]
    ) -> dict[str, str]:
        """Does `act` for all at once; kind/name -> what went wrong."""
        wrong = {}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            tasks = {(kind, name): pool.submit(act, kind, name, body) for kind, name, body in what}
        for (kind, name), task in tasks.items():
            error = task.exception()
            if isinstance(error, ApiError | TransportError):
                wrong[f"{kind}/{name}"] = f"{NOUNS[kind]}: {text(error)}"
            elif error:
                raise error
        return wrong


def _legacy(body: Mapping[str, Any]) -> dict[str, Any]:
    """An index template as servers before 7.8 take it."""
    version = {"version": body["version"]} if "version" in body else {}
    order = body.get("priority", 0)
    return {"index_patterns": body["index_patterns"], "order": order, **version, **(body.get("template") or {})}


def _composed(body: Mapping[str, Any]) -> dict[str, Any]:
    """A legacy template in the words of later ones."""
    template = {key: body[key] for key in ("settings", "mappings", "aliases") if body.get(key)}
    version = {"version": body["version"]} if "version" in body else {}
    return {"index_patterns": body["index_patterns"], "priority": body.get("order", 0), **version, "template": template}
