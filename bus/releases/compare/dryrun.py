"""What the API server would say to the objects of a release: asked by server-side dry runs, nothing is changed."""

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import httpx
import kr8s

from bus.cluster.access import Cluster, Unreachable
from bus.cluster.kube import asynchronous_kube_api
from bus.releases.compare.patches import merge_patch, pod_of
from bus.releases.compare.refusals import Answer, Refusal, Unjudged, Verdicts, judged, judged_pod
from bus.releases.objects import Key

# A manager that owns no field of any object: an apply by it takes nothing away, and conflicts with nobody by force.
MANAGER = "bus-preview"
_AT_ONCE = 4
_CALL_SECONDS = 10.0
_ALL_SECONDS = 60.0
_FLAGS = {"dryRun": "All", "fieldManager": MANAGER, "fieldValidation": "Strict"}
_APPLY, _MERGE, _CREATE = "application/apply-patch+yaml", "application/merge-patch+json", "application/json"
_NONE = Answer(0, {})

Objects = Mapping[Key, Mapping[str, Any]]


def ask(cluster: Cluster, old: Objects, new: Objects) -> Verdicts:
    """What the cluster would refuse of `new` where it is not as in `old`, and of which objects nobody can tell.

    Never raises for a cluster that does not answer, and takes a minute at most.
    """
    wanted = [key for key, spec in new.items() if spec != old.get(key) and not _is_hook(spec)]
    if not wanted:
        return Verdicts()
    found = asyncio.run_coroutine_threadsafe(_all(cluster, wanted, old, new), _loop()).result()
    return Verdicts(
        tuple(one for one in found if isinstance(one, Refusal)),
        tuple(one for one in found if isinstance(one, Unjudged)),
    )


def _is_hook(spec: Mapping[str, Any]) -> bool:
    """Helm removes an old one before it makes it anew."""
    return "helm.sh/hook" in (spec["metadata"].get("annotations") or {})


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop of its own for the process: Pulumi runs programs inside a loop, and kr8s keeps clients by loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="bus-dryrun", daemon=True).start()
    return loop


async def _all(cluster: Cluster, wanted: Sequence[Key], old: Objects, new: Objects) -> list[Refusal | Unjudged]:
    found: dict[Key, list[Refusal | Unjudged]] = {}
    accounts = {key.name for key in new if key.kind == "ServiceAccount"}
    reason = "the cluster did not answer in time"
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            server = _Server(await asynchronous_kube_api(cluster))
        async with asyncio.timeout(_ALL_SECONDS):
            turns = asyncio.Semaphore(_AT_ONCE)

            async def one(key: Key) -> None:
                async with turns:
                    found[key] = await _verdicts(server, key, old.get(key), new[key], accounts)

            await asyncio.gather(*(one(key) for key in wanted))
    except Unreachable as error:
        reason = f"the cluster cannot be reached: {error}"
    except TimeoutError:
        pass  # what is not found by now is said not to be known
    for key in wanted:
        found.setdefault(key, [Unjudged(str(key), reason)])
    return [verdict for key in wanted for verdict in found[key]]


async def _verdicts(
    server: "_Server", key: Key, old: Mapping[str, Any] | None, new: Mapping[str, Any], accounts: set[str]
) -> list[Refusal | Unjudged]:
    forms = [new] if old is None else [old, new]
    url = await server.url(key)
    if isinstance(url, Answer):
        verdicts = [judged(key, forms, url)]
        return [one for one in verdicts if one]
    verdict = judged(key, forms, await server.call("PATCH", f"{url}/{key.name}", _APPLY, new, force="true"))
    if verdict:
        second = judged(key, forms, await _as_helm(server, key, url, old, new))
        verdict = verdict if isinstance(second, Unjudged) else second
    verdicts = [verdict]
    pod = pod_of(new, accounts)
    if verdict is None and pod is not None and pod != (pod_of(old, accounts) if old else None):
        # Pod Security and policies of pods judge no template: asked about a pod, as its controller will make it.
        answer = await server.call("POST", f"api/v1/namespaces/{key.namespace}/pods", _CREATE, pod)
        verdicts.append(judged_pod(key, forms, answer, new=old is None))
    return [one for one in verdicts if one]


async def _as_helm(
    server: "_Server", key: Key, url: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Answer:
    """The same object asked for as Helm will send it.

    An apply refuses what Helm does not: it keeps what only Helm's manager owns, as a port's old number beside the new.
    """
    if old is not None:
        answer = await server.call("PATCH", f"{url}/{key.name}", _MERGE, merge_patch(old, new))
        if answer.status != httpx.codes.NOT_FOUND:
            return answer
    return await server.call("POST", url, _CREATE, new)


class _Server:
    """The API server, asked in dry runs alone; once it has not answered, it is not asked again."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._silent = False
        self._resources: dict[str, asyncio.Task[Answer]] = {}

    async def url(self, key: Key) -> str | Answer:
        """Where objects of a kind are; the answer of the discovery where the kind is not there."""
        group = f"apis/{key.version}" if "/" in key.version else f"api/{key.version}"
        if group not in self._resources:
            self._resources[group] = asyncio.ensure_future(self._send("GET", group))
        answer = await self._resources[group]
        for one in answer.body.get("resources") or []:
            if one["kind"] == key.kind and "/" not in one["name"]:
                middle = f"/namespaces/{key.namespace}" if one["namespaced"] else ""
                return f"{group}{middle}/{one['name']}"
        return answer if answer.status != httpx.codes.OK else Answer(httpx.codes.NOT_FOUND, {})

    async def call(self, verb: str, url: str, content_type: str, body: Mapping[str, Any], **flags: str) -> Answer:
        """One dry run."""
        content, headers = json.dumps(body, default=str), {"Content-Type": content_type}
        return await self._send(verb, url, params=_FLAGS | flags, content=content, headers=headers)

    async def _send(self, verb: str, url: str, **more: Any) -> Answer:
        if self._silent:
            return _NONE
        base, _, rest = url.partition("/")
        try:
            async with (
                asyncio.timeout(_CALL_SECONDS),
                self._api.call_api(
                    verb, version="", base=f"/{base}", url=rest, raise_for_status=False, **more
                ) as response,
            ):
                body = response.json() if "json" in response.headers.get("content-type", "") else {}
                return Answer(response.status_code, body)
        except (TimeoutError, OSError, ValueError, httpx.HTTPError, kr8s.APITimeoutError):  # ValueError: no JSON
            self._silent = True
            return _NONE
