"""Switching a site's authorizer on or off where several brokers run."""


def refusal(brokers: int, secured: bool, scram: bool, wanted: bool) -> str:
    """Why it cannot be done while `brokers` run; empty where it can.

    Pods restart one at a time, each once the one before is ready: the first would ask the others for a login that they
    have not, never be ready, and stay so. `scram` says whether they log in at each other by SCRAM, as all do now:
    one that restarts to do so does not take the PLAIN of the others, which would lose their replicas of it.
    """
    if brokers <= 1:
        return ""
    if secured and wanted and not scram:
        return f"{brokers} brokers run that log in at each other by PLAIN; one that restarts takes SCRAM only"
    if secured == wanted:
        return ""
    now, then = ("ask", "ask no more") if secured else ("do not ask", "ask")
    return f"{brokers} brokers run that {now} for a login; one that restarts to {then} could not join the others"


def remedy(namespace: str) -> str:
    """All of them at once; the data stays on their volumes."""
    return f"stop them first: kubectl scale statefulset/kafka -n {namespace} --replicas=0, then run pulumi up"
