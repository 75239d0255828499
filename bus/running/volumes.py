"""Sizes of volumes that a StatefulSet cannot change, and that stay as they are behind it."""

import re
from decimal import Decimal

from bus.running.live import Workload
from bus.running.sizes import Finding

KEY = "persistence.size"
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|)")
_UNITS = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
}  # fmt: skip


def quantity(text: str) -> Decimal | None:
    """Bytes of an amount as Kubernetes writes it; None for what is no such amount."""
    found = _QUANTITY.fullmatch(text.strip())
    return Decimal(found[1]) * _UNITS[found[2]] if found else None


def judged(brick: str, namespace: str, wanted: str, workload: Workload) -> Finding | None:
    """Why the volumes of one product do not get the size that is wanted; None where they have it."""
    target = quantity(wanted)
    if target is None:
        return None
    small = [size for size in workload.sizes if (is_bytes := quantity(size)) is not None and is_bytes < target]
    grow = (
        f"kubectl patch pvc -n {namespace} data-{brick}-0 (and so on) "
        f'-p \'{{"spec":{{"resources":{{"requests":{{"storage":"{wanted}"}}}}}}}}\', where the storage class can'
    )
    template = quantity(workload.size)
    if workload.replicas is not None and template is not None and template != target:
        said = f"StatefulSet {brick} makes volumes of {workload.size}, and Kubernetes lets nobody change that of a set"
        if target < template:
            return Finding(KEY, wanted, f"{said}; no volume gets smaller", f"keep {workload.size}")
        orphan = f"kubectl delete statefulset {brick} -n {namespace} --cascade=orphan right before pulumi up"
        steps = f"{f'{grow}; then ' if small else ''}{orphan}: pods and volumes stay, and the set is made again"
        return Finding(KEY, wanted, said, f"keep {workload.size}; or {steps}")
    if small:
        said = (
            f"volumes of {brick} ask for {', '.join(dict.fromkeys(small))} still, and nothing but a human resizes them"
        )
        return Finding(KEY, wanted, said, grow, refused=False)
    return None
