"""Which manifests and blobs an image means."""

import pytest

from bus.images.manifests import NoPlatform, blobs, children, cosign_tags, unique

AMD = {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "amd64"}}
ARM = {"digest": "sha256:2", "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}}
PROOF = {
    "digest": "sha256:3",
    "platform": {"os": "unknown", "architecture": "unknown"},
    "annotations": {"vnd.docker.reference.digest": "sha256:1"},
}
INDEX = {"manifests": [AMD, ARM, PROOF]}


@pytest.mark.parametrize(
    ("platforms", "kept"),
    [
        ((), [AMD, ARM, PROOF]),
        (("linux/amd64",), [AMD, PROOF]),
        (("linux/arm",), [ARM]),
        (("linux/arm/v7",), [ARM]),
        (("linux/arm", "linux/amd64"), [ARM, AMD, PROOF]),
    ],
)
def test_the_platforms_asked_for_with_what_belongs_to_them(
    platforms: tuple[str, ...], kept: list[dict[str, object]]
) -> None:
    assert children(INDEX, platforms) == kept


def test_a_platform_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        NoPlatform, match="has no platform linux/arm/v6, darwin/arm64; it has linux/amd64, linux/arm/v7"
    ):
        children(INDEX, ("linux/arm/v6", "linux/amd64", "darwin/arm64"))


def test_an_image_of_one_platform_has_no_children_whatever_is_asked() -> None:
    assert children({"config": {"digest": "c"}, "layers": []}, ("linux/amd64",)) == []


def test_each_blob_once_and_none_that_is_kept_outside() -> None:
    layer, outside = {"digest": "sha256:l"}, {"digest": "sha256:o", "urls": ["https://x"]}
    assert blobs({"config": {"digest": "sha256:c"}, "layers": [layer, outside, layer]}) == [
        {"digest": "sha256:c"},
        layer,
    ]
    assert unique([layer, layer]) == [layer]


def test_cosign_has_tags_of_its_own() -> None:
    assert cosign_tags("sha256:ab") == ["sha256-ab.sig", "sha256-ab.att", "sha256-ab.sbom"]
