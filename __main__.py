"""The Pulumi program: the stack's settings -> Bus -> exports."""

from pathlib import Path

import pulumi
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env

from bus import deployment
from bus.config import authored, registry_logins, settings
from bus.errors import UserError, on_disk
from bus.images.delivered import proof
from bus.plan import build
from components import continue_on_error, preflight
from components.bus import Bus, BusArgs
from components.umbrella import CHARTS, STAGED

# The language host's code for a program that has said what is wrong: pulumi adds no `unhandled error` to it.
_SAID = 32

continue_on_error.without_traceback()
config, flat = pulumi.Config("bus"), get_config_env()
try:
    with on_disk():
        text = authored.text_of(Path.cwd(), pulumi.get_stack())
        stack = settings.load(pulumi.get_stack(), flat, set(get_config_secret_keys_env()), text)
        plan = build.plan(Path.cwd(), stack)
        proof.check(plan, CHARTS, STAGED)
        plan = preflight.run(plan, flat)
except UserError as error:
    pulumi.log.error(str(error))
    raise SystemExit(_SAID) from None
own = {key.removeprefix("bus:"): value for key, value in flat.items()}
for warning in registry_logins.warnings(registry_logins.read(own)) if stack.stack_file.delivery else ():
    pulumi.log.warn(warning)

secrets = {
    site: {name: config.require_secret(key) for name, key in keys.items()} for site, keys in stack.secret_keys.items()
}
kubeconfigs = {site: config.require_secret(key) for site, key in stack.kubeconfig_keys.items()}
pull = settings.PULL_LOGIN if stack.pull_login else settings.DELIVERY_LOGIN
login = (config.require_secret(pull[0]), config.require_secret(pull[1])) if stack.pull_secret else None
pusher = config.require_secret(settings.DELIVERY_LOGIN[0]) if stack.delivery_login else None
htpasswd = {site: config.require_secret(key) for site, key in stack.htpasswd_keys.items()}
bus = Bus(stack.stack_file.customer, BusArgs(plan, secrets, kubeconfigs, login, htpasswd, pusher))
pulumi.export("sites", deployment.summary(plan))
pulumi.export("images", plan.deployed_images)
pulumi.export("pins", bus.pins)
