"""What several processes do to one database at once: which keys they check, and what they change meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.lengths import length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing import ApiKeys
    from secretsource.issuing._manage.request import KeyRequest

PROCESSES = 8
CHECKS = length(10_000, 100_000)
"""The least number of checks in a stage, of all processes together."""

SCOPE, OTHER = "reports:read", "reports:write"
"""The scope that checks ask for, and the one that is left of a key or a plan that is narrowed."""

PLAIN, DOOMED, NARROWED, BOUND, SUSPENDED = "plain", "doomed", "narrowed", "bound", "suspended"
ROTATING, LIMITED, SHARED = "rotating", "limited", "shared"
KINDS = {PLAIN: 16, DOOMED: 32, NARROWED: 16, BOUND: 8, SUSPENDED: 8, ROTATING: 16, LIMITED: 2, SHARED: 1000}
"""How many keys there are: that nothing happens to, that are revoked, that lose a scope, whose plan loses it, whose
owner is suspended, that are rotated, that have a limit each, and that share the limit of one owner."""

FATES = {
    DOOMED: ("revoke", "revoked"),
    NARROWED: ("narrow", "insufficient_scope"),
    BOUND: ("bind", "insufficient_scope"),
    SUSPENDED: ("suspend", "owner_suspended"),
}
"""What becomes of the keys of a kind, and what they are refused for from then on."""

LIMIT = length(40, 400)
"""What one limited key may do in a day, by all processes together."""
OWNERS_LIMIT = length(300, 3000)
"""What all keys of one owner may do in a day together."""
SAMPLE = 25
"""How many of these keys a process checks in a round."""

GIVEN_UP = 30.0
"""Seconds after which a process no longer waits for a revocation to be heard of."""


class Deed(NamedTuple):
    """A change that one process makes.

    Attributes:
        at: When, in seconds since the beginning of the stage.
        what: ``rotate``, or one of the `FATES`.
        key_id: Which key.
    """

    at: float
    what: str
    key_id: str


class Stage(NamedTuple):
    """What one process does, from a beginning on that all share.

    Attributes:
        begins: When, in seconds of the machine's monotonic clock.
        seconds: For how long at least.
        checks: How many checks at least.
        kinds: Of each key, by ``key_id``.
        texts: The keys themselves, by ``key_id``.
        owners: Their owners, by ``key_id``; the plan of a key that is bound has the same name.
        deeds: What it changes, in order.
    """

    begins: float
    seconds: float
    checks: int
    kinds: dict[str, str]
    texts: dict[str, str]
    owners: dict[str, str]
    deeds: list[Deed]

    @classmethod
    def read(cls, written: Sequence[Any]) -> Stage:
        """A stage that has been through JSON."""
        stage = cls(*written)
        return stage._replace(deeds=[Deed(*deed) for deed in stage.deeds])

    def of(self, kind: str) -> list[str]:
        """The keys of one kind."""
        return [key_id for key_id, is_of in self.kinds.items() if is_of == kind]

    def fated(self) -> dict[str, str]:
        """What each key whose fate is sealed is refused for in the end, by ``key_id``."""
        return {key_id: FATES[kind][1] for key_id, kind in self.kinds.items() if kind in FATES}

    def accounts(self) -> dict[str, list[str]]:
        """The keys that draw on one limit together, by the name of it."""
        alone = {f"the limit of {key_id}": [key_id] for key_id in self.of(LIMITED)}
        return {**alone, "the limit of an owner": self.of(SHARED)}


def stages(keys: ApiKeys, seconds: float, begins: float) -> list[Stage]:
    """Issue the keys of a stage, and say what each process does.

    Each key that is changed is changed by one process; each that is rotated, by all of them at the same moment.
    """
    whole = Stage(begins, seconds, CHECKS // PROCESSES, {}, {}, {}, [])
    for kind, count in KINDS.items():
        requests = [_request(keys, kind, f"{kind} {begins}", place) for place in range(count)]
        for each in keys.issue_many(requests):
            key_id = each.record.key_id
            whole.kinds[key_id], whole.texts[key_id], whole.owners[key_id] = kind, each.plaintext, each.record.owner
    rotations = _spread("rotate", whole.of(ROTATING), seconds)
    changes = [deed for kind, (what, _) in FATES.items() for deed in _spread(what, whole.of(kind), seconds)]
    return [whole._replace(deeds=sorted(rotations + changes[place::PROCESSES])) for place in range(PROCESSES)]


def _request(keys: ApiKeys, kind: str, owner: str, place: int) -> KeyRequest:
    """What is asked for a key of a kind, once its owner and plan are there."""
    request: KeyRequest = {"owner": owner, "scopes": [SCOPE, OTHER]}
    if kind in {BOUND, SUSPENDED}:
        request["owner"] = owner = f"{owner} {place}"
        plan = keys.plans.put(owner, scopes=["reports:*"]) if kind == BOUND else None
        keys.owners.put(owner, plan=plan and plan.id)
    elif kind == LIMITED:
        request["rate_limit"] = f"{LIMIT}/day"
    elif kind == SHARED and not place:
        keys.owners.put(owner, rate_limit=f"{OWNERS_LIMIT}/day")
    return request


def _spread(what: str, key_ids: Sequence[str], seconds: float) -> list[Deed]:
    """Changes from a tenth to nine tenths of a stage."""
    step = 0.8 / len(key_ids)
    return [Deed(seconds * (0.1 + step * place), what, key_id) for place, key_id in enumerate(key_ids)]
