"""What lists of a namespace's objects mean."""

from typing import Any

from bus.running.live import Pod
from bus.running.reading import workload


def pod(name: str, owner: str, *, ready: bool) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": name, "ownerReferences": [{"kind": "StatefulSet", "name": owner}]},
        "spec": {"containers": [{"image": f"r/{owner}:1"}]},
        "status": {"conditions": conditions},
    }


def claim(size: str, name: str = "data") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": size}}}}


def found(**spec: Any) -> dict[str, Any]:
    container = {"image": "r/es:1", "args": ["-Ea=b"]}
    return {"spec": {"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": [claim("5Gi")], **spec}}


def test_volumes_of_a_name_that_begins_alike_are_not_counted() -> None:
    claims = {"data-es-0": "5Gi", "data-es-2": "6Gi", "data-es-old-7": "1Gi", "x-data-es-4": "1Gi", "data-esx-9": "1Gi"}
    left = workload("es", None, claims, [])
    assert (left.replicas, left.claims, left.sizes) == (None, 3, ("5Gi", "6Gi"))


def test_only_ready_pods_of_the_set_itself_count() -> None:
    pods = [pod("es-1", "es", ready=True), pod("es-0", "es", ready=True), pod("es-2", "es", ready=False)]
    pods += [pod("es-x-0", "es-x", ready=True), {"metadata": {"name": "es-free"}, "spec": {"containers": [{}]}}]
    live = workload("es", found(replicas=3), {}, pods)
    assert live.pods == (Pod("es-0", "r/es:1"), Pod("es-1", "r/es:1"))
    assert (live.replicas, live.image, live.arguments, live.size) == (3, "r/es:1", ("-Ea=b",), "5Gi")


def test_pods_that_a_deleted_set_left_say_what_it_was() -> None:
    orphan = pod("es-0", "es", ready=True)
    orphan["metadata"].pop("ownerReferences")
    orphan["spec"]["containers"][0]["args"] = ["-Ediscovery.type=single-node"]
    left = workload("es", None, {"data-es-0": "5Gi"}, [orphan])
    assert (left.replicas, left.image, left.nodes, left.pods) == (None, "r/es:1", 1, (Pod("es-0", "r/es:1"),))


def test_the_container_of_the_product_is_found_beside_others() -> None:
    meshed = pod("es-0", "es", ready=True)
    meshed["spec"]["containers"] = [{"name": "proxy", "image": "r/proxy:9"}, {"name": "es", "image": "r/es:1"}]
    assert workload("es", found(), {}, [meshed]).pods == (Pod("es-0", "r/es:1"),)


def test_a_set_without_a_number_has_one_pod_and_one_without_volumes_has_no_size() -> None:
    live = workload("es", found(volumeClaimTemplates=None), {}, [])
    assert (live.replicas, live.size, live.members) == (1, "", 1)
