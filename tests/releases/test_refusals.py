"""What an answer of a dry run means, each case a file in refusals/; and what a dry run sends."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bus.notes.note import Preview, markdown
from bus.releases.compare.changes import ObjectChange
from bus.releases.compare.patches import merge_patch, pod_of
from bus.releases.compare.preview import ReleasePreview, warning
from bus.releases.compare.refusals import Answer, Refusal, Unjudged, Verdicts, judged, judged_pod
from bus.releases.objects import key_of

CASES = sorted((Path(__file__).parent / "refusals").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_what_an_answer_means(case: Path) -> None:
    given = yaml.safe_load(case.read_text())
    spec, answer = given["object"], Answer(given["answer"]["status"], given["answer"]["body"])
    found = judged(key_of(spec, "n"), [spec], answer)
    match found:
        case Refusal():
            assert {"said": found.said, "remedy": found.remedy} == given["expect"]
        case Unjudged():
            assert {"reason": found.reason} == given["expect"]
        case None:
            assert given["expect"] is None
    for secret in ("s3cr3t", "12345678", "YQ==", "YWJj", "not-base64"):
        assert secret not in str(found)


def test_the_secret_of_the_old_manifest_is_hidden_too() -> None:
    def config(token: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "r"}, "data": {"api_token": token}}

    answer = Answer(400, {"message": "it was first-token and is second-token"})
    found = judged(key_of(config("")), [config("first-token"), config("second-token")], answer)
    assert isinstance(found, Refusal)
    assert found.said == "it was (hidden) and is (hidden)"


def test_a_long_message_is_cut() -> None:
    spec = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "r"}}
    found = judged(key_of(spec), [spec], Answer(400, {"message": "no " * 1000}))
    assert isinstance(found, Refusal)
    assert len(found.said) == 600
    assert found.said.endswith("...")


def test_a_quota_that_is_used_up_counts_for_pods_of_new_workloads_alone() -> None:
    spec = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "r"}}
    answer = Answer(403, {"message": 'pods "r-x" is forbidden: exceeded quota: site'})
    assert isinstance(judged_pod(key_of(spec), [spec], answer, new=True), Refusal)
    assert judged_pod(key_of(spec), [spec], answer, new=False) is None


VERDICTS = Verdicts(
    [Refusal("Job/r", "spec.template: field is immutable", "kubectl delete job r -n n right before pulumi up")],
    [*(Unjudged(f"Service/{n}", "the cluster did not answer in time") for n in range(5)), Unjudged("Secret/s", "no")],
)
LINES = [
    "Job/r would be refused by the API server: spec.template: field is immutable",
    "  to do: kubectl delete job r -n n right before pulumi up",
    "the cluster did not answer in time; whether it would refuse is not known of "
    "Service/0, Service/1, Service/2 and 2 more",
    "no; whether it would refuse is not known of Secret/s",
]


def test_a_warning_has_each_refusal_and_one_line_for_all_that_is_not_known() -> None:
    shown = ReleasePreview("central", "r", False, verdicts=VERDICTS)
    assert warning(shown).splitlines() == ["central: release r:", *(f"  {line}" for line in LINES)]
    assert warning(ReleasePreview("central", "r", False)) == ""


def test_a_merge_request_sees_refusals_before_the_details() -> None:
    changed = [ObjectChange("Secret/s", "added")]
    found = ReleasePreview("central", "r", False, changed, verdicts=VERDICTS)
    lines = markdown(Preview("prod", releases=[found])).splitlines()
    at = lines.index("**What the cluster says of release `r` of `central`**")
    assert lines[at + 2 : at + 6] == [
        f"- `{LINES[0]}`",
        f"  - `{LINES[1].strip()}`",
        f"- `{LINES[2]}`",
        f"- `{LINES[3]}`",
    ]
    assert at < next(number for number, line in enumerate(lines) if line.startswith("<details>"))
    assert "cluster says" not in markdown(Preview("prod", releases=[ReleasePreview("central", "r", False)]))


def test_a_patch_sets_what_is_new_and_takes_away_what_is_not() -> None:
    old = {"kind": "A", "spec": {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}, "gone": {"z": 1}}
    new = {"kind": "A", "spec": {"a": {"x": 1}, "b": [2], "c": {"d": 4}}}
    patch = {"kind": "A", "spec": {"a": {"x": 1, "y": None}, "b": [2], "c": {"d": 4}}, "gone": None}
    assert merge_patch(old, new) == patch


def test_a_deployment_that_no_longer_rolls_gives_its_defaults_up() -> None:
    old: dict[str, Any] = {"kind": "Deployment", "spec": {}}
    new: dict[str, Any] = {"kind": "Deployment", "spec": {"strategy": {"type": "Recreate"}}}
    assert merge_patch(old, new)["spec"]["strategy"] == {"type": "Recreate", "rollingUpdate": None}
    assert new["spec"]["strategy"] == {"type": "Recreate"}


def template(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "r"}}, "spec": {"containers": [{"name": "main"}], **spec}}


def test_the_pod_of_a_workload_is_what_its_controller_makes() -> None:
    claims = [{"metadata": {"name": "data"}}]
    spec = {"template": template(volumes=[{"name": "work"}]), "volumeClaimTemplates": claims}
    pod = pod_of({"kind": "StatefulSet", "metadata": {"name": "r"}, "spec": spec}, set())
    assert pod is not None
    assert pod["metadata"] == {"generateName": "r-", "labels": {"app": "r"}}
    data = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    assert pod["spec"] == {"containers": [{"name": "main"}], "volumes": [{"name": "work"}, data]}


def test_a_cron_job_makes_pods_and_a_service_none() -> None:
    nested = {"jobTemplate": {"spec": {"template": template()}}}
    assert pod_of({"kind": "CronJob", "metadata": {"name": "r"}, "spec": nested}, set()) is not None
    assert pod_of({"kind": "Service", "metadata": {"name": "r"}, "spec": {"ports": []}}, set()) is None
    assert pod_of({"kind": "ConfigMap", "metadata": {"name": "r"}, "data": {}}, set()) is None


def test_an_account_of_the_same_release_is_not_asked_for() -> None:
    spec = {"kind": "Deployment", "metadata": {"name": "r"}, "spec": {"template": template(serviceAccountName="mine")}}
    own, other = pod_of(spec, {"mine"}), pod_of(spec, set())
    assert own and "serviceAccountName" not in own["spec"]
    assert other and other["spec"]["serviceAccountName"] == "mine"
