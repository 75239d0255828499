"""The objects of a manifest, and which of them an uninstall removes."""

import pytest

from bus.releases.objects import parse, removable

MANIFEST = """---
# Source: base/templates/config.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
---
# a template that rendered to nothing
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: kafka, namespace: elsewhere}
---
apiVersion: v1
kind: Secret
metadata: {name: password, annotations: {helm.sh/resource-policy: keep}}
"""


def test_objects_are_read_in_order_and_take_the_namespace_of_the_release() -> None:
    assert [(str(key), key.namespace) for key in parse(MANIFEST, "site")] == [
        ("ConfigMap/config", "site"),
        ("StatefulSet/kafka", "elsewhere"),
        ("Secret/password", "site"),
    ]


def test_what_makes_pods_goes_first_and_what_helm_keeps_stays() -> None:
    assert [str(key) for key in removable([MANIFEST], "site")] == ["StatefulSet/kafka", "ConfigMap/config"]


@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"])
def test_volumes_and_what_others_need_stay(kind: str) -> None:
    assert removable([f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: data}}\n"], "site") == []


def test_objects_of_every_revision_are_removed_once() -> None:
    later = "apiVersion: v1\nkind: Service\nmetadata: {name: kafka}\n"
    keys = removable([MANIFEST, MANIFEST, later], "site")
    assert [str(key) for key in keys] == ["StatefulSet/kafka", "ConfigMap/config", "Service/kafka"]
