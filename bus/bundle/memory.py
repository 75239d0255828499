"""What a customer's registry remembers of the bundles that were loaded into it: a small artifact beside the images.

In the registry and not on a disk, because whoever loads the next bundle may sit at another machine.
"""

import json

from bus.bundle.archive import BadBundle
from bus.bundle.expected import Loaded
from bus.image_reference import parse
from bus.images.registry.client import IMAGE, MissingImage, as_manifest, digest_of
from bus.images.registry.registries import Registries

_NAME, _TAG = "bus-bundles", "loaded"
_TYPE, _EMPTY = "application/vnd.bus.bundles.v1+json", "application/vnd.oci.empty.v1+json"
_LIMIT_BYTES = 1 << 20


def read(registries: Registries, registry: str) -> Loaded:
    """Return what `registry` (host/path) remembers, maybe nothing; raise BadBundle or RegistryError."""
    place = registries.place(parse(f"{registry}/{_NAME}:{_TAG}"))
    try:
        described = place.registry.manifest(place.name, place.version).described
        config = described["config"]
        if config["mediaType"] != _TYPE or int(config["size"]) > _LIMIT_BYTES:
            raise ValueError("it is of another kind")
        content = b"".join(place.registry.blob(place.name, str(config["digest"])))
        found = json.loads(content)
        if digest_of(content) != config["digest"] or not all(isinstance(one, dict) for one in found.values()):
            raise ValueError("it was changed")
    except MissingImage:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadBundle(
            f"{place} should tell which bundles were loaded, and cannot be read ({error}): look who wrote it, delete "
            "it, and name --customer and --stack"
        ) from None
    return dict(found)


def write(registries: Registries, registry: str, loaded: Loaded) -> None:
    """Let `registry` remember `loaded`; raise RegistryError."""
    place = registries.place(parse(f"{registry}/{_NAME}:{_TAG}"))
    parts = [(_TYPE, json.dumps(loaded, indent=1, sort_keys=True).encode()), (_EMPTY, b"{}")]
    described = [{"mediaType": kind, "digest": digest_of(body), "size": len(body)} for kind, body in parts]
    for _, body in parts:
        place.registry.put_blob(place.name, digest_of(body), len(body), iter([body]))
    manifest = as_manifest({"schemaVersion": 2, "mediaType": IMAGE, "config": described[0], "layers": described[1:]})
    place.registry.put_manifest(place.name, _TAG, manifest)
