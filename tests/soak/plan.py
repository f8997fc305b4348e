"""What several processes do to one database at once: which keys they check, and what they change meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.lengths import length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing import ApiKeys
    from secretsource.issuing._manage.request import KeyRequest

PROCESSES = length(4, 8)
CHECKS = length(10_000, 100_000)
"""The least number of checks in a stage, of all processes together."""

PLAIN, DOOMED, ROTATING, LIMITED = "plain", "doomed", "rotating", "limited"
KINDS = {PLAIN: 16, DOOMED: 64, ROTATING: 16, LIMITED: 2}
"""How many keys there are that nothing happens to, that are revoked, that are rotated, and that share a limit."""

LIMIT = length(40, 400)
"""What one limited key may do in a day, by all processes together."""

GIVEN_UP = 30.0
"""Seconds after which a process no longer waits for a revocation to be heard of."""


class Deed(NamedTuple):
    """A change that one process makes.

    Attributes:
        at: When, in seconds since the beginning of the stage.
        what: ``revoke`` or ``rotate``.
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
        deeds: What it changes, in order.
    """

    begins: float
    seconds: float
    checks: int
    kinds: dict[str, str]
    texts: dict[str, str]
    deeds: list[Deed]

    @classmethod
    def read(cls, written: Sequence[Any]) -> Stage:
        """A stage that has been through JSON."""
        stage = cls(*written)
        return stage._replace(deeds=[Deed(*deed) for deed in stage.deeds])

    def of(self, kind: str) -> list[str]:
        """The keys of one kind."""
        return [key_id for key_id, is_of in self.kinds.items() if is_of == kind]


def stages(keys: ApiKeys, seconds: float, begins: float) -> list[Stage]:
    """Issue the keys of a stage, and say what each process does.

    Each key that is revoked is revoked by one process; each that is rotated, by all of them at the same moment.
    """
    kinds: dict[str, str] = {}
    texts: dict[str, str] = {}
    for kind, count in KINDS.items():
        request: KeyRequest = {"owner": kind}
        if kind == LIMITED:
            request["rate_limit"] = f"{LIMIT}/day"
        issued = keys.issue_many([request] * count)
        texts.update((each.record.key_id, each.plaintext) for each in issued)
        kinds.update((each.record.key_id, kind) for each in issued)
    whole = Stage(begins, seconds, CHECKS // PROCESSES, kinds, texts, [])
    rotations = _spread("rotate", whole.of(ROTATING), seconds)
    revocations = _spread("revoke", whole.of(DOOMED), seconds)
    return [whole._replace(deeds=sorted(rotations + revocations[place::PROCESSES])) for place in range(PROCESSES)]


def _spread(what: str, key_ids: Sequence[str], seconds: float) -> list[Deed]:
    """Changes from a tenth to nine tenths of a stage."""
    step = 0.8 / len(key_ids)
    return [Deed(seconds * (0.1 + step * place), what, key_id) for place, key_id in enumerate(key_ids)]
