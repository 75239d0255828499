"""A bundle of the example customer's prod: made from one real registry, verified, loaded into another."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bus.bundle import archive, making
from bus.bundle.archive import BadBundle
from bus.bundle.contents import Bundle
from bus.bundle.expected import Expected
from bus.config import settings
from bus.deployment import Deployment
from bus.errors import UserError
from bus.image_reference import parse
from bus.images.delivered import rendered
from bus.images.registry.client import MissingImage
from bus.images.registry.registries import Access
from bus.plan import build
from tests.support.registry import Maker, Running, registry
from tests.support.stacks import SECRETS, config_of, flat

pytestmark = pytest.mark.servers
ROOT = Path(__file__).parents[3]
SHARED, OWN = 400_000, 1000
OURS = Expected(customer="hickson", stack="sln")


def plan_for(target: Running, root: Path = ROOT) -> Deployment:
    config = config_of("prod")
    config["bus:delivery"] = {"registry": f"{target.host}/sln"}
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    return build.plan(root, settings.load("sln", flat(config) | secrets, set(secrets)))


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Running]:
    with registry(tmp_path / "target") as running:
        yield running


@pytest.fixture
def source(tmp_path: Path, target: Running) -> Iterator[tuple[Running, Maker]]:
    """Every image of prod, all with one layer in common."""
    with registry(tmp_path / "source") as running:
        client = running.client()
        maker = Maker(client)
        for image in map(parse, plan_for(target).images):
            made = [maker.blob(image.path, SHARED, "base"), maker.blob(image.path, OWN, image.path)]
            maker.signature(image.path, maker.image(image.path, image.tag, made), f"signed {image.path}")
        yield running, maker
        client.close()


def test_a_bundle_brings_everything_and_the_next_one_only_what_is_new(
    source: tuple[Running, Maker], target: Running, tmp_path: Path
) -> None:
    near, maker = source
    access, file = Access(near.host, insecure=True), tmp_path / "first.tar"
    plan = plan_for(target)
    made = making.make(ROOT, plan, file, access, None, None)
    assert len(made.images) == len(plan.images)
    assert making.verify(file, Expected()) == made
    _, moved = making.load(file, Access(insecure=True), OURS)
    assert SHARED < moved.size_bytes < SHARED + len(plan.images) * 2 * OWN, "the common layer is sent once"
    far = target.client()
    for image in map(parse, plan.images):
        assert far.digest(f"sln/{image.path}", image.tag) == maker.client.digest(image.path, image.tag)
    assert making.load(file, Access(insecure=True), Expected())[1].size_bytes == 0

    name = "hickson/cineges-ui"
    moving = maker.image(name, "0.1.0", [maker.blob(name, SHARED, "base"), maker.blob(name, OWN, "new")])
    second = tmp_path / "second.tar"
    making.make(ROOT, plan, second, access, None, file, serial=made.serial + 1)
    assert second.stat().st_size < file.stat().st_size - SHARED
    # A third stands on the second, which stands on the first: what any of them brought is left out.
    third = tmp_path / "third.tar"
    brought = making.make(ROOT, plan, third, access, None, second, serial=made.serial + 2)
    assert len(brought.elsewhere) >= len(plan.images)
    assert making.load(second, Access(insecure=True), Expected())[1].blobs == 1, "the new layer"
    assert making.load(third, Access(insecure=True), Expected())[1].blobs == 0
    assert far.digest(f"sln/{name}", "0.1.0") == moving.digest


def test_a_bundle_that_stands_on_one_that_was_not_loaded_says_so(
    source: tuple[Running, Maker], target: Running, tmp_path: Path
) -> None:
    access, first, second = Access(source[0].host, insecure=True), tmp_path / "first.tar", tmp_path / "second.tar"
    plan = plan_for(target)
    making.make(ROOT, plan, first, access, None, None, serial=1)
    making.make(ROOT, plan, second, access, None, first, serial=2)
    with pytest.raises(MissingImage, match="load the earlier one first"):
        making.load(second, Access(insecure=True), OURS)
    elsewhere = plan_for(replace(target, host="registry.other:5000"))
    with pytest.raises(BadBundle, match=r"this bundle goes to registry\.other:5000/sln, which has none of them"):
        making.make(ROOT, elsewhere, tmp_path / "third.tar", access, None, first)
    assert not (tmp_path / "third.tar").exists()


def test_what_stands_beside_the_images_is_complete(
    source: tuple[Running, Maker], target: Running, tmp_path: Path
) -> None:
    plan, file = plan_for(target), tmp_path / "bundle.tar"
    making.make(ROOT, plan, file, Access(source[0].host, insecure=True), None, None)
    folder = tmp_path / "open"
    archive.unpack(file, folder, None)
    bundle = Bundle.read((folder / "bundle.json").read_bytes())
    for site in plan.sites:
        files = sorted((folder / "manifests" / site).glob("*.yaml"))
        names = [file.stem.split("-", 1)[1] for file in files]
        assert names == ["namespace", *(release.name for release in plan.releases(site))]
        for manifest in files:
            documents = [document for document in yaml.safe_load_all(manifest.read_text()) if document]
            assert {found.image for found in rendered.named(documents)} <= set(bundle.images)
        topics = (folder / "sites" / site / "topics.sh").read_text()
        assert all(f"\ntopic {name} " in topics for name in plan.sites[site].topics)
    for script in folder.rglob("*.sh"):
        subprocess.run(["sh", "-n", str(script)], check=True)
    assert bundle.images[f"{target.host}/sln/isi/db2kafka:0.1.0"]["why"] == ["central: central: db2kafka"]
    readme = (folder / "README.txt").read_text()
    assert readme.index("1-centralbase.yaml") < readme.index("base-topics.sh") < readme.index("2-kafka-notif.yaml")
    assert "s3cret" not in "".join(path.read_text() for path in folder.rglob("*.yaml"))


def test_a_changed_bundle_is_not_loaded(source: tuple[Running, Maker], target: Running, tmp_path: Path) -> None:
    file, folder = tmp_path / "bundle.tar", tmp_path / "open"
    making.make(ROOT, plan_for(target), file, Access(source[0].host, insecure=True), None, None)
    folder.mkdir()
    subprocess.run(["tar", "xf", file, "-C", folder], check=True)
    (folder / "sites/central/topics.sh").write_text("#!/bin/sh\nrm -r /\n")
    archive.pack(folder, file)
    for act in (lambda: making.load(file, Access(insecure=True), OURS), lambda: making.verify(file, Expected())):
        with pytest.raises(BadBundle, match=r"sites/central/topics.sh was changed"):
            act()
    assert target.blob_bytes() == 0
    assert not list(tmp_path.glob(".bundle-*")), "nothing is left behind"


def test_an_image_that_is_missing_stops_it(source: tuple[Running, Maker], target: Running, tmp_path: Path) -> None:
    shutil.rmtree(source[0].folder / "docker/registry/v2/repositories/isi/db2kafka")
    with pytest.raises(BadBundle, match=r"dkr.isi.nc/isi/db2kafka:0.1.0: does not exist"):
        making.make(ROOT, plan_for(target), tmp_path / "x.tar", Access(source[0].host, insecure=True), None, None)
    assert not (tmp_path / "x.tar").exists()


def test_the_registry_remembers_what_was_loaded(source: tuple[Running, Maker], target: Running, tmp_path: Path) -> None:
    access, plan = Access(source[0].host, insecure=True), plan_for(target)
    older, newer = tmp_path / "older.tar", tmp_path / "newer.tar"
    making.make(ROOT, plan, older, access, serial=1)
    making.make(ROOT, plan, newer, access, serial=2)
    with pytest.raises(BadBundle, match=r"remembers no bundle yet.* --customer hickson --stack sln"):
        making.load(newer, Access(insecure=True), Expected())
    assert target.blob_bytes() == 0, "nothing is brought before it is judged"
    making.load(newer, Access(insecure=True), OURS)
    with pytest.raises(BadBundle, match=r"its serial number is 1 .*, and 2 .*--allow-older"):
        making.load(older, Access(insecure=True), Expected())
    making.load(older, Access(insecure=True), replace(OURS, allow_older=True))
    making.load(older, Access(insecure=True), Expected())
    other = tmp_path / "other.tar"
    settings_of_other = replace(plan.settings, stack="recette")
    making.make(ROOT, replace(plan, settings=settings_of_other), other, access, serial=9)
    with pytest.raises(BadBundle, match=r"it is for hickson/recette.* remembers bundles of hickson/sln alone"):
        making.load(other, Access(insecure=True), Expected(allow_older=True))


def test_a_forged_description_brings_no_file_of_the_operators_machine(
    source: tuple[Running, Maker], target: Running, tmp_path: Path
) -> None:
    """An absolute path in the place of a digest was read from the disk, and sent to the registry of the bundle."""
    file, folder, secret = tmp_path / "bundle.tar", tmp_path / "open", tmp_path / "kubeconfig"
    secret.write_text("client-key-data: VERY-SECRET-KEY")
    making.make(ROOT, plan_for(target), file, Access(source[0].host, insecure=True))
    archive.unpack(file, folder, None)
    described = json.loads((folder / "bundle.json").read_text())
    image = next(iter(described["images"].values()))
    manifest = folder / "blobs/sha256" / image["digest"].removeprefix("sha256:")
    content = json.loads(manifest.read_text())
    content["layers"][0]["digest"] = f"sha256:{secret}"
    forged = json.dumps(content).encode()
    digest = f"sha256:{hashlib.sha256(forged).hexdigest()}"
    (manifest.parent / digest.removeprefix("sha256:")).write_bytes(forged)
    image["digest"] = digest
    (folder / "bundle.json").write_text(json.dumps(described))
    archive.seal(folder, None)
    archive.pack(folder, file)
    with pytest.raises(UserError):
        making.load(file, Access(insecure=True), OURS)
    sent = b"".join(path.read_bytes() for path in target.folder.rglob("data"))
    assert b"VERY-SECRET-KEY" not in sent
