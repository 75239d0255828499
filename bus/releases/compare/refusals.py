"""What the answers of a server-side dry run mean: refusals with the way out, values of secrets kept out."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bus.releases.compare.changes import HIDDEN, is_secret, leaves
from bus.releases.objects import Key

_SHOWN_NAMES = 3
_SHOWN_VALUE = 60
_SHOWN_MESSAGE = 600
_SHORTEST_SECRET = 4
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
# A string, a structure as JSON or as Go writes it, or a word.
_VALUE = re.compile(
    r"((?:Invalid|Duplicate|Unsupported|Not found) value: )"
    r'("(?:[^"\\]|\\.)*"|[\w.*&\[\]]*\{.*\}\]?|\[.*\]|\S+?(?=: |$))'
)
_DUMP = re.compile(r"valueUnstructured\{.*?\}", re.DOTALL)
# Said of the asker or the way of asking, and not of the object.
_NOT_ALLOWED = re.compile(r'cannot \w+ (?:resource|path) "([^"]+)"')
_NO_DRY_RUN = "does not support dry run"
_ERROR, _NOT_FOUND, _SERVER = 400, 404, 500
_NO_ANSWER = (0, 401, 408, 409, 429)
_REMEDIES = (
    ("violates PodSecurity", "mend the brick's securityContext, or lower podSecurity of the site"),
    ("exceeded quota", "raise the ResourceQuota of the namespace, or lower resources.requests of the brick"),
    ("unknown field", "mend the field's name in the chart's template or in the values; Helm refuses it too"),
    ("error looking up service account", "make the ServiceAccount, or mend serviceAccountName in the values"),
    ("admission webhook", "the message is the webhook's: ask who runs it in this cluster"),
    ("ValidatingAdmissionPolicy", "the message is that of a policy of this cluster: ask who made it"),
)


@dataclass(frozen=True)
class Answer:
    """What the API server said to one question; status 0 where it said nothing in time."""

    status: int
    body: Mapping[str, Any]

    @property
    def message(self) -> str:
        """Its own words; may have values of secrets."""
        return str(self.body.get("message") or "")


@dataclass(frozen=True)
class Refusal:
    """One object that the API server would refuse; its values of secrets hidden."""

    object: str
    said: str
    remedy: str


@dataclass(frozen=True)
class Unjudged:
    """An object of which nothing is known, and why."""

    object: str
    reason: str


@dataclass(frozen=True)
class Verdicts:
    """What is known of the objects that were asked for."""

    refused: Sequence[Refusal] = ()
    unjudged: Sequence[Unjudged] = ()

    @property
    def lines(self) -> list[str]:
        """A line per refused object with its remedy below it, and one per reason for not knowing."""
        found = []
        for one in self.refused:
            found += [f"{one.object} would be refused by the API server: {one.said}", f"  to do: {one.remedy}"]
        for reason in dict.fromkeys(one.reason for one in self.unjudged):
            names = list(dict.fromkeys(one.object for one in self.unjudged if one.reason == reason))
            more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
            found.append(f"{reason}; whether it would refuse is not known of {', '.join(names[:_SHOWN_NAMES])}{more}")
        return found


def judged(key: Key, specs: Iterable[Mapping[str, Any]], answer: Answer) -> Refusal | Unjudged | None:
    """What an answer about an object means; None where there is nothing to say.

    `specs` are its forms in the old and in the new manifest: their secrets do not appear.
    """
    message = answer.message
    if 0 < answer.status < _ERROR or _waits_for_namespace(answer):
        return None
    if answer.status in _NO_ANSWER or answer.status >= _SERVER:
        # A server's internal error and a conflict say nothing about the object, and may say anything of its values.
        said = "the cluster did not answer in time" if not answer.status else f"the cluster answered {answer.status}"
        return Unjudged(str(key), said)
    if refused := _NOT_ALLOWED.search(message):
        return Unjudged(str(key), f"the user of this preview may not use {refused.group(1)} there")
    if _NO_DRY_RUN in message:
        return Unjudged(str(key), "an admission webhook of the cluster answers no dry run")
    if answer.status == _NOT_FOUND:
        said = f"the cluster has no {key.kind} in {key.version}"
        return Refusal(str(key), said, "install its definition (CRD) first, or mend apiVersion in the chart")
    said = _said(key, specs, answer)
    return Refusal(str(key), said, _remedy(key, f"{said} {message}"))


def judged_pod(key: Key, specs: Iterable[Mapping[str, Any]], answer: Answer, *, new: bool) -> Refusal | Unjudged | None:
    """The same of a workload's pod; where the workload is there already, its pods give way before new ones come."""
    if not new and "exceeded quota" in answer.message:
        return None
    return judged(key, specs, answer)


def _waits_for_namespace(answer: Answer) -> bool:
    """What this same deployment makes first: the namespace, and the account that Kubernetes gives each of them."""
    details = answer.body.get("details") or {}
    if answer.status == _NOT_FOUND:
        return details.get("kind") == "namespaces"
    return 'serviceaccount "default" not found' in answer.message


def _remedy(key: Key, text: str) -> str:
    for sign, remedy in _REMEDIES:
        if sign in text:
            return remedy
    where = f"{key.name} -n {key.namespace}"
    unchanging = "immutable" in text or "updates to statefulset spec" in text
    if unchanging and key.kind == "StatefulSet":
        return (
            f"keep the field as it was; or, right before pulumi up, kubectl delete statefulset {where} "
            "--cascade=orphan: pods and volumes stay, and Helm makes the set anew"
        )
    if unchanging:
        if key.kind == "Job":
            return f"kubectl delete job {where} right before pulumi up, or name the Job after what it runs"
        if key.kind == "PersistentVolumeClaim":
            return "keep the claim as it was: only its size may grow; other storage needs a new claim and a copy"
        return "keep the field as it was, or give the object another name"
    return "mend the chart's template or the values that it comes from"


def _said(key: Key, specs: Iterable[Mapping[str, Any]], answer: Answer) -> str:
    unknown = [f'unknown field "{path}"' for path in _UNKNOWN.findall(answer.message)]
    if unknown:
        return ", ".join(dict.fromkeys(unknown))
    causes = [one for one in (answer.body.get("details") or {}).get("causes") or [] if one.get("message")]
    if causes:
        lines = [f"{one['field']}: {one['message']}" if one.get("field") else one["message"] for one in causes]
    elif key.kind == "Secret":
        lines = [f"{answer.body.get('reason') or answer.status} (not shown: the message may have values)"]
    else:
        lines = [answer.message]
    # What follows the first line of a message is a listing of both objects.
    text = "; ".join(_without_values(line.split("\n")[0], key.kind == "Secret") for line in lines)
    for spec in specs:
        text = _hidden(text, key, spec)
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_MESSAGE else f"{line[: _SHOWN_MESSAGE - 3]}..."


def _without_values(text: str, secret: bool) -> str:
    """Long values cut out, and all of a Secret's: a Job's message has its whole pod template, variables included."""

    def shortened(match: re.Match[str]) -> str:
        lead, value = match.groups()
        return lead + ("(...)" if secret or len(value) > _SHOWN_VALUE else value)

    return _DUMP.sub("(...)", _VALUE.sub(shortened, text))


def _hidden(text: str, key: Key, spec: Mapping[str, Any]) -> str:
    values = {value for path, value in leaves(spec, key, hide=False) if is_secret(path, key, value)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, HIDDEN).replace(json.dumps(value)[1:-1], HIDDEN)
    return text
