"""Records for several checks, read by one question to the store before the checks begin."""

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import StoreError
from secretsource.issuing._verdict import Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.steps.gate import Gate
    from secretsource.stores.base import KeyRecord


class ReadAhead(NamedTuple):
    """Records that were read for several checks.

    Attributes:
        wanted: The ``key_id`` of each key whose record was asked for.
        records: The records that are there, by ``key_id``; None if the store could not answer.
        mono: The time of the question, in monotonic seconds.
        wall: The same in seconds since 1970 UTC.
        begun: The result of `RecordCache.begin` at that time.
    """

    wanted: AbstractSet[str]
    records: Mapping[str, KeyRecord] | None
    mono: float
    wall: float
    begun: int

    def get(self, key_id: str) -> KeyRecord | None:
        """Return a record, as the store does.

        Raises:
            StoreError: The store could not answer.
        """
        if self.records is None:
            raise StoreError("the key store could not answer the question for several keys")
        return self.records.get(key_id)


def read_ahead(parts: Parts, gate: Gate, begin: Callable[[], None], texts: Sequence[str | None]) -> Flow[ReadAhead]:
    """Read the records of all keys that name theirs, and that memory does not know.

    Args:
        parts: The parts to work with.
        gate: Steps 0 to 4 of a check.
        begin: Called before the store is asked.
        texts: The texts that were sent.
    """
    presented = [gate.present(text) for text in texts]
    del texts  # a traceback shows no key
    named = {each.key_id for each in presented if type(each) is not Rejected and each.key_id is not None}
    wanted = {key_id for key_id in named if not _is_known(parts, key_id)}
    records: Mapping[str, KeyRecord] | None = {}
    if wanted:
        begin()
    mono, wall = parts.present.both()
    begun = parts.cache.begin()  # after the beginning of news, which puts all readings before it in doubt
    if wanted:
        try:
            records = yield parts.store.peek_many(sorted(wanted))
        except StoreError:
            records = None
    return ReadAhead(wanted, records, mono, wall, begun)


def _is_known(parts: Parts, key_id: str) -> bool:
    mono = parts.present.mono()
    return parts.cache.peek(key_id, mono) is not None or parts.cache.is_missing(key_id, mono)
