"""Every step of the engine that is not `same`: Secrets, namespaces, deliveries, logins, timeouts, replacements."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bus.notes.folding import Line
from bus.notes.sets import SETS, leaves, lines_of_set
from bus.releases.compare.changes import HIDDEN, is_secret
from bus.releases.objects import Key

RELEASE = "kubernetes:helm.sh/v3:Release"
_SECRET = "kubernetes:core/v1:Secret"
_REPLACING = frozenset({"replace", "create-replacement", "delete-replaced", "discard-replaced", "read-replacement"})
_WORDS = {
    "create": ("+", "is created"),
    "update": ("~", "changes"),
    "delete": ("-", "is DELETED"),
    "import": ("+", "is taken over"),
    "import-replacement": ("+", "is taken over"),
    "read": ("~", "is read"),
    "refresh": ("~", "is read again"),
    "discard": ("-", "is no longer read"),
    "remove-pending-replace": ("-", "is removed from the state"),
}
_NOUNS = {
    _SECRET: "Secret",
    RELEASE: "release",
    "kubernetes:core/v1:Namespace": "namespace",
    "pulumi:providers:kubernetes": "access to the cluster",
    "pulumi-python:dynamic/bus:ImagePins": "images",
    "pulumi-python:dynamic/bus:Uninstall": "the way a release is removed",
    "pulumi-python:dynamic/bus:ClusterPin": "pin of the cluster",
}
# What a note shows by itself: objects of a release, entries of a set.
_SHOWN_ELSEWHERE: Mapping[str, Collection[str]] = {RELEASE: ("values", "chart", "version"), **SETS}
_UNSEEN = "no value that can be shown"
_UNNAMED = dict.fromkeys(SETS, "what lost its fragment earlier, or what a run that was cut off left")
_NOISE = ("__provider", "__defaults", "__internal", "__inputs")
_LISTED = 12
_MASK = "[secret]"


def is_change(step: Mapping[str, Any]) -> bool:
    """Whether a step does anything."""
    return step.get("op") != "same"


def lines(
    steps: Sequence[Mapping[str, Any]],
    sites: Collection[str],
    shown: Collection[tuple[str, str]],
    said: Collection[str],
) -> tuple[list[Line], list[Line]]:
    """Lines of topics, indices and users; and lines of everything else that is not `same`.

    `shown` are the (namespace, release) whose objects the note shows, `said` the warnings of the run.
    """
    sets: list[Line] = []
    others: list[Line] = []
    for step in _once_each(steps):
        site = site_of(step, sites)
        entries = lines_of_set(step, site, said) if step["op"] not in _REPLACING else []
        sets += entries
        if not (entries and step["op"] in ("create", "delete")) and not _is_uninstalled(step):
            others += _of_step(step, site, shown, bool(entries))
    return sets, others


def uninstalled(steps: Sequence[Mapping[str, Any]], used: Collection[str]) -> dict[str, list[str]]:
    """Namespace -> what is said of each release in it that a deployment would uninstall, as where its site is gone.

    `used` are the namespaces of the stack's sites, which hold more than what is uninstalled.
    """
    found: dict[str, list[str]] = {}
    for step in filter(_is_uninstalled, steps):
        inputs = (step.get("oldState") or {}).get("inputs") or {}
        found.setdefault(str(inputs.get("namespace")), []).append(f"- release {inputs.get('name')} is uninstalled")
    for name in found.keys() - set(used):
        found[name].append(f"the namespace and its volumes stay: kubectl delete namespace {name} removes them")
    return {f"namespace {name}": lines for name, lines in found.items()}


def _is_uninstalled(step: Mapping[str, Any]) -> bool:
    return step.get("op") == "delete" and (step.get("oldState") or {}).get("type") == RELEASE


def _once_each(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Steps that do something; of those that replace one resource the first, as a replacement."""
    found: dict[str, Mapping[str, Any]] = {}
    for step in filter(is_change, steps):
        urn = str(step["urn"])
        kind = "replace" if step["op"] in _REPLACING else step["op"]
        if urn not in found or kind == "replace":
            earlier = found.get(urn, {})
            reasons = earlier.get("replaceReasons") or step.get("replaceReasons") or step.get("diffReasons")
            found[urn] = {**earlier, **step, "op": kind, "replaceReasons": reasons}
    return list(found.values())


def site_of(step: Mapping[str, Any], sites: Collection[str]) -> str:
    """The site that a step is of: its own property says it, or its name begins with it; empty for the whole stack."""
    for state in (step.get("newState") or {}, step.get("oldState") or {}):
        if site := (state.get("inputs") or {}).get("site"):
            return str(site)
    name = name_of(step)
    return next((site for site in sorted(sites, key=len, reverse=True) if name.startswith(f"{site}-")), "")


def name_of(step: Mapping[str, Any]) -> str:
    """The name of a step's resource."""
    return str(step["urn"]).rsplit("::", 1)[-1]


def _of_step(step: Mapping[str, Any], site: str, shown: Collection[tuple[str, str]], covered: bool) -> list[Line]:
    """The line of one step; `covered` says that its entries have lines of their own."""
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    kind = str(new.get("type") or old.get("type") or str(step["urn"]).split("::")[2].rsplit("$", 1)[-1])
    before, after = old.get("inputs") or {}, new.get("inputs") or {}
    noun, name = _NOUNS.get(kind, kind.rsplit(":", 1)[-1]), _called(step, before, after, site)
    head = noun if noun == name else f"{noun} {name}"
    if step["op"] == "delete":
        return [Line(f"- {head} {_deleted(kind, old)}", site)]
    if step["op"] == "replace":
        reasons = ", ".join(map(str, step.get("replaceReasons") or ())) or "its provider asks for it"
        return [Line(f"- {head} is REPLACED, deleted and created again: {reasons}", site)]
    sign, word = _WORDS.get(str(step["op"]), ("~", str(step["op"])))
    if step["op"] != "update":
        return [Line(f"{sign} {head} {word}", site)]
    covered = covered or (kind == RELEASE and (str(after.get("namespace")), str(after.get("name"))) in shown)
    fields = _fields(step, kind, before, after, covered)
    if not fields and covered:
        return []
    changed = ", ".join(fields[:_LISTED]) + (f" and {len(fields) - _LISTED} more" if len(fields) > _LISTED else "")
    also = "; every pod that reads it restarts" if kind == _SECRET else ""
    return [Line(f"{sign} {head} {word}: {changed or _UNNAMED.get(kind, _UNSEEN)}{also}", site)]


def _called(step: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], site: str) -> str:
    """The name in the cluster where there is one; the resource's own name without its site otherwise."""
    inputs = after or before
    metadata = inputs.get("metadata") if isinstance(inputs.get("metadata"), Mapping) else {}
    for name in (inputs.get("name"), (metadata or {}).get("name")):
        # A name with its site in it would make a line of its own for each site.
        if isinstance(name, str) and name and not (site and site in name):
            return name
    return name_of(step).removeprefix(f"{site}-") if site else name_of(step)


def _deleted(kind: str, old: Mapping[str, Any]) -> str:
    if kind in SETS:
        return "leaves the stack; its servers keep what they hold"
    if old.get("retainOnDelete"):
        return "leaves the stack and stays in the cluster"
    return "is DELETED"


def _fields(
    step: Mapping[str, Any], kind: str, before: Mapping[str, Any], after: Mapping[str, Any], covered: bool
) -> list[str]:
    """What differs, hidden where it is secret; where no value differs, what the engine names."""
    left = _SHOWN_ELSEWHERE.get(kind, ()) if covered else ()
    one, other = ({key: value for key, value in inputs.items() if key not in left} for inputs in (before, after))
    found = [_hidden(text, kind) for text in leaves(_clean(one), _clean(other))]
    named = {text.split(" ", 1)[0].split(".", 1)[0] for text in found}
    reasons = [*(step.get("diffReasons") or ()), *(step.get("detailedDiff") or {})]
    for reason in dict.fromkeys(map(str, reasons)):
        top = reason.split(".", 1)[0].split("[", 1)[0]
        if top not in named and top not in left and top not in _NOISE:
            found.append(f"{reason} {HIDDEN}")
    # The engine masks both sides of a secret, and a dynamic provider names no field.
    return found or [f"{path} {HIDDEN}" for path in _masked(_clean(one), _clean(other))]


def _masked(before: Any, after: Any, path: str = "") -> list[str]:
    """Where both sides are masked, so that only there a difference can be that is not seen."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        above = f"{path}." if path else ""
        return [found for key in sorted(after) for found in _masked(before.get(key), after[key], f"{above}{key}")]
    return [path] if before == after == _MASK else []


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _clean(below) for key, below in value.items() if key not in _NOISE}
    return value


def _hidden(text: str, kind: str) -> str:
    """A changed field without its values, where they are secret by kind or by name."""
    path, _, values = text.partition(" ")
    secret = is_secret(path, Key("Secret" if kind == _SECRET else "", "", ""), values) or _MASK in values
    return f"{path} {HIDDEN}" if secret else text
