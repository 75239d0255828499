"""Images of a whole stack: what must be looked up, what a promotion will be told, and the policy on digests."""

import shutil
from pathlib import Path

import pytest
import yaml

from bus.config import settings
from bus.errors import InvalidInput
from bus.images.promotion import branch, pins
from bus.plan import build
from tests.support.stacks import SECRETS, flat, load_stack

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "c" * 64


def test_pins_have_the_digest_that_the_registry_gave_and_the_source_of_the_image() -> None:
    plan = build.plan(ROOT, load_stack("prod"))
    digests = dict.fromkeys(plan.images, DIGEST)
    pins = plan.pins(digests)
    assert set(pins) == {"central", "cinecity"}
    assert pins["central"]["kafka"] == f"dkr.isi.nc/sys-isi/kafka:4.3.1@{DIGEST}"
    assert plan.pins({})["central"]["kafka"] == "dkr.isi.nc/sys-isi/kafka:4.3.1"
    recette = build.plan(ROOT, load_stack("recette")).pins({})
    assert "kafka2kafka" in recette["central"], "the mirror runs on central"


def test_a_digest_of_a_brick_file_is_kept_and_delivered_with_its_tag(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "values", tmp_path / "values")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    file = tmp_path / "values/kafka.yml"
    file.write_text(file.read_text().replace('tag: "4.3.1"', f'tag: "4.3.1"\n  digest: {DIGEST}\n  hotfix: "because"'))
    plan = build.plan(tmp_path, load_stack("prod"))
    assert plan.pins({})["central"]["kafka"] == f"dkr.isi.nc/sys-isi/kafka:4.3.1@{DIGEST}"
    delivered = plan.deliveries("central")[f"dkr.isi.nc/sys-isi/kafka:4.3.1@{DIGEST}"]
    assert delivered == f"registry.hickson.nc/sys-isi/kafka:4.3.1@{DIGEST}"
    assert plan.deployed_images["central"]["kafka"] == f"registry.hickson.nc/sys-isi/kafka@{DIGEST}"
    assert "hotfix" not in str(plan.sites["central"].base.values), "a mark for promotions is no value of a chart"


def test_prod_takes_what_a_promotion_wrote_and_no_tag_alone(tmp_path: Path) -> None:
    """Pulumi.prod.yaml as it is, with values/ as branch master has them, and as `bus promote` leaves them."""
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]
    config["bus:delivery"]["extraImages"] = ["dkr.isi.nc/isi/runner:4"]
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    with pytest.raises(InvalidInput) as refused:
        build.plan(ROOT, settings.load("prod", flat(config) | secrets, set(secrets)))
    said = str(refused.value)
    assert "values/kafka.yml: image.digest: is required by bus:images.requireDigest of Pulumi.prod.yaml" in said
    assert "bus:delivery.extraImages[0] = 'dkr.isi.nc/isi/runner:4': a digest is required" in said
    shutil.copytree(ROOT / "values", tmp_path / "values")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    for brick, pin in branch.read(tmp_path).items():
        branch.write(tmp_path, brick, pins.bump(pin, pin.image.tag, DIGEST))
    config["bus:delivery"]["extraImages"] = [f"dkr.isi.nc/isi/runner:4@{DIGEST}"]
    plan = build.plan(tmp_path, settings.load("prod", flat(config) | secrets, set(secrets)))
    assert all(image.endswith(f"@{DIGEST}") for image in plan.images)


def test_a_stack_may_refuse_tags_alone() -> None:
    config = yaml.safe_load((ROOT / "Pulumi.master.yaml").read_text())["config"]
    config["bus:images"] = {"requireDigest": True}
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    strict = settings.load("master", flat(config) | secrets, set(secrets))
    with pytest.raises(InvalidInput) as refused:
        build.plan(ROOT, strict)
    said = str(refused.value)
    assert "values/cineges-ui.yml: image.digest: is required by bus:images.requireDigest of Pulumi.master.yaml" in said
    assert "bus set-image cineges-ui 0.1.0" in said
    assert "values/kibana.yml" not in said, "an optional brick that is off"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('tag: "4.3.1"', 'tag: "4.3 1"', "is no image reference"),
        ("repository: dkr.isi.nc", "repository: https://dkr.isi.nc", "is no image reference"),
        ("repository: dkr.isi.nc", "repository: dkr.isi.nc/", "is no image reference"),
        ("repository: dkr.isi.nc", "repository: dkr", "names no registry"),
        ("name: sys-isi/kafka", "name: sys-isi/Kafka", "is no image reference"),
    ],
)
def test_an_image_that_no_registry_would_take_is_refused_before_anything_is_asked(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    shutil.copytree(ROOT / "values", tmp_path / "values")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    file = tmp_path / "values/kafka.yml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(InvalidInput, match=rf"values/kafka.yml: image: .*{message}"):
        build.plan(tmp_path, load_stack("master"))
