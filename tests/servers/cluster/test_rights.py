"""The roles of rbac/ on a real API server: what a deployer and a previewer may do, and what they may not."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.kwok import Kwok

pytestmark = pytest.mark.servers
RBAC = Path(__file__).parents[3] / "rbac"
SITE, OTHER = "rights-site", "rights-other"
EVERYBODY = ("bus-deployers", "bus-previewers", "site-deployers", "site-previewers")
MADE = (
    ("", "configmaps"),
    ("", "secrets"),
    ("", "services"),
    ("apps", "statefulsets"),
    ("apps", "deployments"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
)
WRITES = ("create", "patch", "update", "delete")
ESCALATIONS = (
    ("create", "rbac.authorization.k8s.io", "clusterroles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("impersonate", "", "users"),
    ("create", "", "serviceaccounts/token"),
    ("create", "certificates.k8s.io", "certificatesigningrequests"),
    ("patch", "", "nodes"),
    ("create", "", "nodes/proxy"),
    ("create", "", "persistentvolumes"),
    ("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("delete", "", "namespaces"),
)
Question = tuple[str, str, str, str, str]
"""group of the user, verb, API group, kind with its subresource, namespace"""


@pytest.fixture(scope="module")
def site(kwok: Kwok) -> Kwok:
    """Two namespaces, of which one is bound to the roles, for groups of this test's own."""
    for namespace in (SITE, OTHER):
        kwok.command("kubectl", "create", "namespace", namespace)
    bindings = (RBAC / "site.yaml").read_text().replace("name: bus-deployers", "name: site-deployers")
    bindings = bindings.replace("name: bus-previewers", "name: site-previewers")
    kwok.command("kubectl", "apply", "-n", SITE, "-f", "-", stdin=bindings)
    return kwok


def answers(kwok: Kwok, questions: Iterable[Question]) -> dict[Question, bool]:
    """What the API server's own authorizer says to each question."""
    asked = list(questions)
    reviews = []
    for user_group, verb, api_group, kind, namespace in asked:
        resource, _, subresource = kind.partition("/")
        attributes = {"verb": verb, "group": api_group, "resource": resource, "namespace": namespace}
        if subresource:
            attributes["subresource"] = subresource
        spec = {"user": "somebody", "groups": [user_group], "resourceAttributes": attributes}
        reviews.append({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    given = "\n---\n".join(json.dumps(review) for review in reviews)
    lines = kwok.command(
        "kubectl", "create", "-f", "-", "-o", r"jsonpath={.status.allowed}{'\n'}", stdin=given
    ).splitlines()
    return dict(zip(asked, (line == "true" for line in lines), strict=True))


def test_a_deployer_makes_and_removes_what_the_charts_make(site: Kwok) -> None:
    places = (("site-deployers", SITE), ("bus-deployers", SITE), ("bus-deployers", OTHER))
    asked = answers(
        site,
        [
            (group, verb, *made, place)
            for group, place in places
            for made in MADE
            for verb in (*WRITES, "list", "watch")
        ],
    )
    assert [question for question, allowed in asked.items() if not allowed] == []


def test_a_previewer_reads_and_changes_nothing(site: Kwok) -> None:
    groups = ("site-previewers", "bus-previewers")
    reads = answers(site, [(group, verb, *made, SITE) for group in groups for made in MADE for verb in ("get", "list")])
    assert [question for question, allowed in reads.items() if not allowed] == []
    kinds = (*MADE, ("", "pods"), ("", "pods/exec"), ("", "namespaces"))
    writes = answers(
        site,
        [(group, verb, *kind, SITE) for group in groups for kind in kinds for verb in (*WRITES, "deletecollection")],
    )
    assert [question for question, allowed in writes.items() if allowed] == []


def test_the_rights_of_a_site_end_at_its_namespace(site: Kwok) -> None:
    groups, kinds = ("site-deployers", "site-previewers"), (*MADE, ("", "pods"))
    asked = answers(
        site,
        [
            (group, verb, *kind, namespace)
            for group in groups
            for kind in kinds
            for verb in ("get", "list", "create", "delete")
            for namespace in (OTHER, "kube-system", "")
        ],
    )
    assert [question for question, allowed in asked.items() if allowed] == []


def test_nobody_gets_further_rights_from_these_roles(site: Kwok) -> None:
    asked = answers(
        site,
        [
            (group, verb, api_group, kind, namespace)
            for group in EVERYBODY
            for verb, api_group, kind in ESCALATIONS
            for namespace in (SITE, "")
        ],
    )
    assert [question for question, allowed in asked.items() if allowed] == []


def test_who_forwards_ports_and_makes_namespaces(site: Kwok) -> None:
    forward = answers(site, [(group, "create", "", "pods/portforward", SITE) for group in EVERYBODY])
    assert all(forward.values())
    knows = answers(site, [("bus-deployers", "list", "", "namespaces", "")])
    assert all(knows.values()), "a cluster is known by the uid of kube-system, which the client asks for by a list"
    makes = answers(site, [(group, "create", "", "namespaces", "") for group in EVERYBODY])
    assert [question[0] for question, allowed in makes.items() if allowed] == ["bus-deployers"]
    (labels,) = answers(site, [("site-deployers", "patch", "", "namespaces", SITE)]).values()
    assert labels


def test_the_context_that_deploys_the_sandbox_is_no_administrator(kwok: Kwok) -> None:
    command = ("kubectl", "--context", "bus-sandbox", "auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}")
    assert json.loads(kwok.command(*command)) == ["bus-deployers", "system:authenticated"]
