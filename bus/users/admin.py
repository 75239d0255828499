"""Users and rights of a live cluster: read, changed, and waited for, in a few calls."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from bus.cluster.access import Login
from bus.errors import isolated
from bus.topics.answers import text, unanswered
from bus.topics.batches import batches
from bus.topics.connecting import CALL_SECONDS, connected
from bus.users.passwords import ITERATIONS
from bus.users.plan import Acl, LiveUsers, Plan

_SETTLE_SECONDS = 60.0
_USER = "User:"
_KINDS = {
    ResourceType.TOPIC: "topics",
    ResourceType.GROUP: "groups",
    ResourceType.TRANSACTIONAL_ID: "transactionalIds",
    ResourceType.BROKER: "cluster",  # librdkafka's number for CLUSTER
}
_TYPES = {kind: number for number, kind in _KINDS.items()}
_MECHANISMS = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}
_MECHANISM_NAMES = {number: name for name, number in _MECHANISMS.items()}


class Admin:
    """Acts on one cluster, as a user that may do everything."""

    def __init__(self, bootstrap: str, login: Login) -> None:
        self.bootstrap = bootstrap
        self._client: Any = connected(bootstrap, login)[0]

    def read(self) -> LiveUsers:
        """Every user that has a password or a right."""
        anything: Any = None  # which the types do not know of
        every = AclBindingFilter(
            ResourceType.ANY,
            anything,
            ResourcePatternType.ANY,
            anything,
            anything,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        try:
            found = self._client.describe_acls(every, request_timeout=CALL_SECONDS).result()
            users = self._client.describe_user_scram_credentials(request_timeout=CALL_SECONDS).result()
        except KafkaException as error:
            raise unanswered(self.bootstrap, error) from error
        credentials = {
            user: {_MECHANISM_NAMES[one.mechanism]: int(one.iterations) for one in answer.scram_credential_infos}
            for user, answer in users.items()
        }
        return LiveUsers(frozenset(_acl(binding) for binding in found), credentials)

    def apply(self, plan: Plan, logins: Mapping[str, Login]) -> dict[str, str]:
        """Makes the changes of a plan, what gives rights before what takes them; user -> what failed.

        `logins` has the password of each user of `plan.login`. Waits until the brokers show it.
        """
        failed: dict[str, str] = {}
        if plan.add:
            built, unforeseen = isolated(
                {acl: acl for acl in plan.add}, lambda acl: AclBinding(*_parts(acl)), "a right"
            )
            failed |= {acl.user: why for acl, why in unforeseen.items()}
            bindings = {binding: acl.user for acl, binding in built.items()}
            for some in batches(dict.fromkeys(bindings, 1)):
                made = self._client.create_acls(some, request_timeout=CALL_SECONDS)
                failed |= _failed((bindings[key], answer) for key, answer in made.items())
        upsertions, unknown = isolated({u: u for u in plan.login}, lambda u: _upsertion(logins[u]), "its password")
        failed |= unknown
        alterations: list[Any] = [*upsertions.values()]
        alterations += [UserScramCredentialDeletion(user, _MECHANISMS[one]) for user, one in plan.logout]
        if alterations:
            altered = self._client.alter_user_scram_credentials(alterations, request_timeout=CALL_SECONDS)
            failed |= _failed(altered.items())
        if plan.remove:
            filters = {AclBindingFilter(*_parts(acl)): acl.user for acl in plan.remove}
            for those in batches(dict.fromkeys(filters, 1)):
                gone = self._client.delete_acls(those, request_timeout=CALL_SECONDS)
                failed |= _failed((filters[key], answer) for key, answer in gone.items())
        return failed | self._late(plan, failed.keys())

    def _late(self, plan: Plan, failed: Iterable[str]) -> dict[str, str]:
        """Waits until a plan is what brokers answer: they apply what the controller has taken a moment later."""
        deadline, known = time.monotonic() + _SETTLE_SECONDS, set(failed)
        while True:
            live = self.read()
            late = {acl.user for acl in plan.add if acl not in live.acls}
            late |= {acl.user for acl in plan.remove if acl in live.acls}
            late |= {user for user, one in plan.logout if one in live.credentials.get(user, {})}
            late |= {user for user in plan.login if ITERATIONS not in live.credentials.get(user, {}).values()}
            if not late - known or time.monotonic() > deadline:
                reason = f"not as written after {_SETTLE_SECONDS:.0f} s; run the same command again"
                return dict.fromkeys(sorted(late - known), reason)
            time.sleep(0.1)


def _upsertion(login: Login) -> UserScramCredentialUpsertion:
    # The client salts and hashes: the password itself is never sent.
    how = ScramCredentialInfo(_MECHANISMS[login.mechanism], ITERATIONS)
    return UserScramCredentialUpsertion(login.user, how, login.password.encode())


def _acl(binding: Any) -> Acl:
    prefixed = binding.resource_pattern_type == ResourcePatternType.PREFIXED
    return Acl(
        user=binding.principal.removeprefix(_USER),
        kind=_KINDS.get(binding.restype, binding.restype.name.lower()),
        name=f"{binding.name}*" if prefixed else binding.name,
        operation=_camel(binding.operation.name),
        deny=binding.permission_type == AclPermissionType.DENY,
        host=binding.host,
    )


def _parts(acl: Acl) -> tuple[Any, ...]:
    # `*` alone is Kafka's own literal name for all.
    prefixed = acl.name.endswith("*") and acl.name != "*"
    return (
        _TYPES[acl.kind] if acl.kind in _TYPES else ResourceType[acl.kind.upper()],
        acl.name[:-1] if prefixed else acl.name,
        ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL,
        f"{_USER}{acl.user}",
        acl.host,
        AclOperation[_snake(acl.operation)],
        AclPermissionType.DENY if acl.deny else AclPermissionType.ALLOW,
    )


def _failed(answers: Iterable[tuple[str, Any]]) -> dict[str, str]:
    wrong = {}
    for user, answer in answers:
        try:
            answer.result()
        except KafkaException as error:
            wrong[user] = text(error)
    return wrong


def _camel(name: str) -> str:
    """DESCRIBE_CONFIGS as describeConfigs, as Kafka's own tools and the stack file's keys are written."""
    first, *rest = name.lower().split("_")
    return first + "".join(part.title() for part in rest)


def _snake(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)
