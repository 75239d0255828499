"""Settings with keys and hosts of registries."""

from bus.config import settings
from tests.support.stacks import SECRETS, config_of, flat


def loaded(images: object, delivery: object = None) -> settings.Settings:
    config = config_of("master") | {"bus:images": images} | ({"bus:delivery": delivery} if delivery else {})
    secrets = {f"bus:{name}": "s3cret" for name in SECRETS}
    return settings.load("master", flat(config) | secrets, set(secrets))
