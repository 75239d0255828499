"""Switching a site's authorizer on or off where several brokers run; pure."""


def refusal(brokers: int, secured: bool, wanted: bool) -> str:
    """Why it cannot be done while `brokers` run; empty where it can.

    Pods restart one at a time, each once the one before is ready: the first would ask the others for a login that they
    have not, never be ready, and stay so.
    """
    if brokers <= 1 or secured == wanted:
        return ""
    now, then = ("ask", "ask no more") if secured else ("do not ask", "ask")
    return f"{brokers} brokers run that {now} for a login; one that restarts to {then} could not join the others"


def way_out(namespace: str) -> str:
    """All of them at once; the data stays on their volumes."""
    return f"stop them first: kubectl scale statefulset/kafka -n {namespace} --replicas=0, then run pulumi up"
