"""Staging: sub-charts unpacked, the version stamped with the content and with nothing else."""

import os
import shutil
from pathlib import Path

import pytest

from bus.deployment import deployable
from bus.releases.render import charts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An umbrella of two aliases of one type chart, which uses a library."""
    root = tmp_path / "charts"
    write(root / "helper", "name: helper\nversion: 0.1.0\ntype: library\n", {"templates/_image.tpl": "one"})
    typed = (
        "name: api\nversion: 0.1.0\ndependencies:\n- {name: helper, version: 0.1.0, repository: 'file://../helper'}\n"
    )
    write(root / "api", typed, {"templates/deployment.yaml": "kind: Deployment", "values.yaml": "replicaCount: 1"})
    umbrella = "name: umbrella\nversion: 1.2.3\ndependencies:\n" + "".join(
        f"- {{name: api, alias: {alias}, version: 0.1.0, repository: 'file://../api', condition: {alias}.enabled}}\n"
        for alias in ("one", "two")
    )
    write(root / "umbrella", umbrella, {"values.yaml": "one: {}"})
    return root


def write(chart: Path, meta: str, files: dict[str, str]) -> None:
    for name, text in {"Chart.yaml": f"apiVersion: v2\n{meta}", **files}.items():
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(text)


def staged_version(folder: Path) -> str:
    return charts.read(charts.stage(folder, "umbrella", folder.parent / "out")).version


def test_sub_charts_are_unpacked_once_each(folder: Path) -> None:
    out = charts.stage(folder, "umbrella", folder.parent / "out")
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert found == [
        "Chart.yaml",
        "charts/api/Chart.yaml",
        "charts/api/charts/helper/Chart.yaml",
        "charts/api/charts/helper/templates/_image.tpl",
        "charts/api/templates/deployment.yaml",
        "charts/api/values.yaml",
        "values.yaml",
    ]


@pytest.mark.parametrize(
    "file",
    ["umbrella/values.yaml", "api/templates/deployment.yaml", "helper/templates/_image.tpl", "helper/Chart.yaml"],
)
def test_any_edit_below_changes_the_version(folder: Path, file: str) -> None:
    before = staged_version(folder)
    with (folder / file).open("a") as stream:
        stream.write("\n# edited\n")
    assert staged_version(folder) != before


def test_a_new_file_and_a_lost_one_change_the_version(folder: Path) -> None:
    first = staged_version(folder)
    (folder / "api/templates/service.yaml").write_text("kind: Service")
    second = staged_version(folder)
    (folder / "api/templates/deployment.yaml").unlink()
    assert len({first, second, staged_version(folder)}) == 3
    assert not (folder.parent / "out/umbrella/charts/api/templates/deployment.yaml").exists()


def test_place_times_and_vendored_archives_do_not_change_it(folder: Path, tmp_path: Path) -> None:
    before = staged_version(folder)
    os.utime(folder / "api/values.yaml", (1, 1))
    (folder / "umbrella/charts").mkdir()
    (folder / "umbrella/charts/api-0.1.0.tgz").write_bytes(b"stale")
    (folder / "umbrella/Chart.lock").write_text("digest: x")
    elsewhere = tmp_path / "another/machine/charts"
    shutil.copytree(folder, elsewhere)
    assert staged_version(folder) == before == staged_version(elsewhere)
    assert not list((folder.parent / "out/umbrella").rglob("*.tgz"))


def test_nothing_is_written_when_nothing_changed(folder: Path) -> None:
    meta = charts.stage(folder, "umbrella", folder.parent / "out") / "Chart.yaml"
    before = meta.stat().st_ino
    charts.stage(folder, "umbrella", folder.parent / "out")
    assert meta.stat().st_ino == before


def test_the_version_stays_a_semantic_version(folder: Path) -> None:
    number, digest = staged_version(folder).split("+")
    assert number == "1.2.3"
    assert len(digest) == 12


def test_bricks_are_found_with_their_place_in_the_values(folder: Path) -> None:
    found = [(path, dependency.chart) for path, dependency in charts.sub_charts(folder, "umbrella")]
    assert found == [(("one",), "api"), (("two",), "api")]


def test_a_dependency_from_elsewhere_is_refused(folder: Path) -> None:
    meta = folder / "api/Chart.yaml"
    meta.write_text(meta.read_text().replace("file://../helper", "https://charts.example/"))
    with pytest.raises(charts.BadChart, match=r"repository must be file://\.\./helper"):
        charts.stage(folder, "umbrella", folder.parent / "out")


PROJECT = Path(__file__).parents[2] / "charts"
DEPLOYABLE = deployable("hickson")
FILES = sorted(path.relative_to(PROJECT).as_posix() for path in PROJECT.rglob("*") if path.is_file())


def users_of(chart: str) -> set[str]:
    """The deployable charts that a chart is part of, itself included."""
    return {name for name in DEPLOYABLE if chart == name or chart in below(name)}


def below(chart: str) -> set[str]:
    direct = {dependency.chart for dependency in charts.read(PROJECT / chart).dependencies}
    return direct.union(*(below(one) for one in direct))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(PROJECT, tmp_path_factory.mktemp("project") / "charts")


@pytest.mark.parametrize("file", FILES)
def test_an_edit_of_any_file_changes_every_release_that_has_it_and_no_other(project: Path, file: str) -> None:
    before = {name: charts.digest(project, name) for name in DEPLOYABLE}
    kept = (project / file).read_bytes()
    (project / file).write_bytes(kept + b"\n# edited\n")
    try:
        changed = {name for name in DEPLOYABLE if charts.digest(project, name) != before[name]}
    finally:
        (project / file).write_bytes(kept)
    assert changed == users_of(file.split("/")[0])
    assert changed, "a chart that nothing deploys"


def test_a_bare_chart_has_no_defaults_and_another_version(folder: Path) -> None:
    bare = charts.stage(folder, "umbrella", folder.parent / "out", bare=True)
    version = charts.read(bare).version
    assert list(bare.rglob("Chart.yaml"))
    assert not list(bare.rglob("values.yaml"))
    full = charts.stage(folder, "umbrella", folder.parent / "out")
    assert list(full.rglob("values.yaml"))
    assert charts.read(full).version != version, "a folder that an earlier run left is replaced"
