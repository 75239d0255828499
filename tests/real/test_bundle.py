"""`bus bundle` by its verbs: the deployed customer's images from the integrator's registry to one that never saw it."""

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bus.image_reference import parse
from bus.images.registry.client import Registry
from tests.real.sandbox import Stack, run

pytestmark = pytest.mark.real
SOURCE, TARGET = "127.0.0.1:5000", "127.0.0.1:5001"


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def test_a_signed_bundle_is_made_verified_and_loaded_by_its_verbs(tmp_path: Path) -> None:
    def delivered(config: dict[str, Any]) -> None:
        config["bus:delivery"] = {"registry": f"{TARGET}/sln"}

    key, public, file = tmp_path / "key.pem", tmp_path / "public.pem", tmp_path / "sln.tar"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", public)
    config = str(Stack.local().changed(delivered).config)
    source = ("--mirror", SOURCE, "--insecure", "--sign-key", str(key))
    said = run("bus", "bundle", "make", str(file), "--stack", "local", "--config-file", config, *source)
    assert f"images for {TARGET}/sln" in said and ", signed" in said
    assert "as it was made" in run("bus", "bundle", "verify", str(file), "--public-key", str(public))
    loading = ("bus", "bundle", "load", str(file), "--public-key", str(public), "--insecure")
    run(*loading, "--customer", "hickson", "--stack", "local")
    assert "; 0 blobs, 0.0 MB moved" in run(*loading), "a second time there is nothing to bring"
    bundle = json.loads(subprocess.check_output(["tar", "-xOf", file, "bundle.json"]))
    assert len(bundle["images"]) >= 15
    with closing(Registry(TARGET, insecure=True)) as target:
        for place, image in bundle["images"].items():
            assert target.digest(parse(place).path, parse(place).version) == image["digest"]
    openssl("genpkey", "-algorithm", "RSA", "-out", tmp_path / "other.pem")
    openssl("pkey", "-in", tmp_path / "other.pem", "-pubout", "-out", public)
    with pytest.raises(AssertionError, match="the signature is wrong"):
        run(*loading)
