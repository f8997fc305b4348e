"""The remembered answer for each reference, and its age.

The key is the whole reference without its field, so a version or a stage is never answered from another's entry, and
one document serves all of its fields. Reading is a plain look-up in a dict; a writer holds the engine's lock.
"""

# pure: decides from its arguments, the time among them; the caller holds the lock

from __future__ import annotations

import enum
from collections import OrderedDict

from secretsource._ground.namedtuple import NamedTuple
from secretsource.providers.base import Failed, Found, NotFound
from secretsource.resolver._walk.document import chosen
from secretsource.resolver._walk.refresh import pause, schedule, schedule_absence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from secretsource._ground.clock import Instant
    from secretsource._tuning import Tuning
    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.resolver._walk.refresh import Schedule

    Reader: TypeAlias = tuple[str, tuple[str, ...]]

__all__ = ["MAX_READERS", "Age", "Cache", "CachedAnswer", "Setback"]

MAX_READERS = 1024
"""Most names and fields noted for one document; a reader beyond them is answered, and learns of no rotation."""


class Age(enum.Enum):
    """The four ages of an entry, with the last fifth of the first one apart."""

    FRESH = "fresh"
    AHEAD = "ahead"
    REVALIDATE = "revalidate"
    STALE = "stale"
    GONE = "gone"


class CachedAnswer:
    """One remembered answer.

    Attributes:
        outcome: The provider's answer.
        at: When it answered.
        ages: When this answer passes from age to age.
        readers: Names that were answered from it, or from the answer before it, each with the fields that led to its
            value.
        number: The place of the call that brought it in the order in which calls begin.
        first: The number of the call that first brought this value and version.
        unwanted: Whether its value was refused or is known to be old, so that it must be replaced, not prolonged.
    """

    __slots__ = ("_chosen", "ages", "at", "first", "number", "outcome", "readers", "unwanted")

    def __init__(
        self, outcome: Found | NotFound, at: Instant, ages: Schedule, readers: set[Reader], number: int = 0
    ) -> None:
        self.outcome = outcome
        self.at = at
        self.ages = ages
        self.readers = readers
        self.number = self.first = number
        self.unwanted = False
        self._chosen: dict[tuple[str, ...], str | bytes | NotFound | Failed] = {}

    def __repr__(self) -> str:
        return f"CachedAnswer({self.outcome!r})"

    def select(self, fields: tuple[str, ...]) -> str | bytes | NotFound | Failed:
        """Return the value at ``fields`` of the document; remembered, so that a document is parsed once a field."""
        assert isinstance(self.outcome, Found)
        value = self._chosen.get(fields)
        if value is None:
            value = chosen(self.outcome, fields)
            if fields and isinstance(value, (str, bytes)) and len(self._chosen) < MAX_READERS:
                self._chosen[fields] = value
        return value

    def note_reader(self, reader: Reader) -> bool:
        """Note a reader that was answered from this; return whether there was room for one more."""
        if reader in self.readers:
            return True
        if len(self.readers) >= MAX_READERS:
            return False
        self.readers.add(reader)
        return True

    def age(self, now: Instant) -> Age:
        """Return how old the answer is at ``now``."""
        mono, ages = now.mono, self.ages
        if mono < ages.fresh_until:
            return Age.FRESH if mono < ages.refresh_at else Age.AHEAD
        if mono < ages.revalidate_until:
            return Age.REVALIDATE
        return Age.STALE if mono < ages.stale_until else Age.GONE

    def passes(self, now: Instant) -> float:
        """Return the monotonic second at which a fresh answer passes to its next age; in the past for any other."""
        ages = self.ages
        return ages.refresh_at if now.mono < ages.refresh_at else ages.fresh_until

    def differs(self, other: Outcome) -> bool:
        """Return whether another answer to the same question says something else; a failure says nothing."""
        own = self.outcome
        if isinstance(other, Failed):
            return False
        if isinstance(own, Found) and isinstance(other, Found):
            return (own.version, own.value) != (other.version, other.value)
        return isinstance(own, Found) or isinstance(other, Found)

    def expire(self, now: Instant) -> None:
        """Make it stale at once: the next read asks anew, and it still helps if the provider is down."""
        then = min(now.mono, self.ages.refresh_at)
        self.ages = self.ages._replace(refresh_at=then, fresh_until=then, revalidate_until=then)

    def prolong(self, behind: CachedAnswer, now: Instant, max_age: float | None) -> None:
        """Let an absence last as long as the value that was found behind it in the chain.

        Only while it is fresh, so that it is asked about again in due time, and never beyond the provider's own
        ``max_age``.
        """
        if not isinstance(self.outcome, NotFound) or self.age(now) is not Age.FRESH:
            return
        ages, value = self.ages, behind.ages
        limit = ages.stale_until if max_age is None else min(ages.stale_until, self.at.mono + max_age)
        self.ages = ages._replace(
            refresh_at=max(ages.refresh_at, min(value.refresh_at, limit)),
            fresh_until=max(ages.fresh_until, min(value.fresh_until, limit)),
            revalidate_until=max(ages.revalidate_until, min(value.revalidate_until, limit)),
        )


class Setback(NamedTuple):
    """A failure that is remembered for a moment, so that a provider in trouble is not asked by everyone."""

    failed: Failed
    failures: int
    until: float
    number: int


class Cache:
    """A bounded map of reference to entry, least recently used first out.

    A signal may raise between any two steps: each step leaves the map as it was, or as it is after the change.

    Args:
        tuning: How long answers are kept, and how many.
    """

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self.max_entries = tuning.max_entries
        self._entries: OrderedDict[SecretRef, CachedAnswer] = OrderedDict()
        self._setbacks: dict[SecretRef, Setback] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def entry(self, ref: SecretRef) -> CachedAnswer | None:
        """Return the entry of a document, whatever its age."""
        return self._entries.get(ref)

    def is_unwanted(self, ref: SecretRef) -> bool:
        """Return whether what is kept of a document was refused, or is known to be old."""
        entry = self._entries.get(ref)
        return entry is not None and entry.unwanted

    def read_by(self, name: str) -> list[SecretRef]:
        """Return the documents that a name was answered from."""
        readings = list(self._entries.items())
        return [ref for ref, entry in readings if any(name == reader for reader, _ in tuple(entry.readers))]

    def look(self, ref: SecretRef, now: Instant) -> tuple[Age, CachedAnswer | None, Failed | None, Setback | None]:
        """Look up a document at ``now``.

        Returns:
            The age of the last answer, and that answer. Then the failure for which the provider is left alone at the
            moment, and the last failure, also when its time is over.
        """
        entry = self._entries.get(ref)
        setback = self._setbacks.get(ref)
        failed = setback.failed if setback is not None and now.mono < setback.until else None
        return (Age.GONE if entry is None else entry.age(now)), entry, failed, setback

    def knows(self, ref: SecretRef, entry: CachedAnswer | None, setback: Setback | None) -> bool:
        """Return whether this, and nothing newer, is what is known of a document."""
        return self._entries.get(ref) is entry and self._setbacks.get(ref) is setback

    def keep(
        self, ref: SecretRef, outcome: Outcome, now: Instant, *, max_age: float | None, luck: float, number: int
    ) -> tuple[CachedAnswer | None, CachedAnswer | None]:
        """Remember an answer; a failure of a permanent kind drops what was known, a passing one leaves it.

        Args:
            ref: The document asked for.
            outcome: The provider's answer.
            now: When it answered.
            max_age: The provider's own bound, in seconds.
            luck: A random number in [0, 1).
            number: The place of the call in the order in which calls begin.

        Returns:
            The entry before and the entry now.
        """
        before = self._entries.get(ref)
        if isinstance(outcome, Failed):
            self._set_back(ref, outcome, now, luck, number)
            if outcome.retryable:
                return before, before
            self._entries.pop(ref, None)
            return before, None
        self._setbacks.pop(ref, None)
        if isinstance(outcome, Found):
            ages = schedule(outcome, self.tuning, now, max_age, luck)
        else:
            ages = schedule_absence(self.tuning, now, max_age, luck)
        readers = set() if before is None else set(before.readers)
        entry = CachedAnswer(outcome, now, ages, readers, number)
        if before is not None and not before.differs(outcome):
            entry.first = before.first
        self._entries[ref] = entry
        self._entries.move_to_end(ref)
        return before, entry

    def evict(self) -> list[CachedAnswer]:
        """Drop the least recently used entries above the bound, and return them."""
        excess = len(self._entries) - self.max_entries
        if excess <= 0:
            return []
        dropped = [self._entries.pop(ref, None) for ref in list(self._entries)[:excess]]
        return [entry for entry in dropped if entry is not None]

    def touch(self, ref: SecretRef) -> CachedAnswer | None:
        """Count a use of an entry, and return it."""
        try:
            self._entries.move_to_end(ref)
        except KeyError:
            return None
        return self._entries.get(ref)

    def spoil(self, ref: SecretRef, now: Instant) -> CachedAnswer | None:
        """Make an entry stale at once, so that the next read asks anew; it still helps if the provider is down."""
        self._setbacks.pop(ref, None)
        entry = self._entries.get(ref)
        if entry is not None:
            entry.unwanted = True
            entry.expire(now)
        return entry

    def spoil_all(self, now: Instant, frozen: float = 0.0) -> None:
        """Make every entry stale at once: this process was forked, or was frozen for ``frozen`` seconds."""
        self._setbacks.clear()
        for entry in list(self._entries.values()):
            entry.expire(now)
            entry.ages = entry.ages._replace(stale_until=entry.ages.stale_until - frozen)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._setbacks.clear()

    def _set_back(self, ref: SecretRef, failed: Failed, now: Instant, luck: float, number: int) -> None:
        known = self._setbacks.pop(ref, None)
        failures = known.failures + 1 if known is not None else 1
        if len(self._setbacks) >= self.max_entries:
            self._setbacks.pop(next(iter(self._setbacks)), None)
        self._setbacks[ref] = Setback(failed, failures, now.mono + pause(failures, failed, luck), number)
