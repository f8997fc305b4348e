"""The results of an issue and of a rotation: the records, and the new key, at the only moment at which it is shown."""

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.issuing._key.hashing import PepperSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from secretsource.stores.base import KeyRecord, Status, Usage

__all__ = ["Issued", "Rotated", "RotationStatus"]

UNPEPPERED = "there is no pepper, so a reader of the store can test guesses: set SECRETSOURCE_PEPPER"
ROTATED_BEFORE = "the key was rotated before, and its successor was shown then: rotate the successor for another key"


class Issued:
    """A new key; its text exists outside its owner's hands only here.

    Attributes:
        plaintext: The whole key: 68 to 89 characters of ``0-9A-Za-z`` and ``_``.
        record: The stored record.
    """

    __slots__ = ("plaintext", "record")

    def __init__(self, plaintext: str, record: KeyRecord) -> None:
        self.plaintext = plaintext
        self.record = record

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to show to the person that asked for the key; mostly empty."""
        return (UNPEPPERED,) if self.record.pepper_version == PepperSet().newest.version else ()

    def __repr__(self) -> str:
        return f"Issued(<masked>, {self.record!r})"

    def __rich_repr__(self) -> Iterator[object]:
        """Yield the fields that rich prints: the record, never the key."""
        yield "record", self.record

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Issued holds a key and is not pickled")


class Rotated:
    """A rotation: the old key and its successor.

    Attributes:
        predecessor: The old key, as it is now.
        successor: The new key.
        plaintext: The whole new key, 68 to 89 characters of ``0-9A-Za-z`` and ``_``; None if another call made the
            successor and received its text.
    """

    __slots__ = ("plaintext", "predecessor", "successor")

    def __init__(self, predecessor: KeyRecord, successor: KeyRecord, plaintext: str | None) -> None:
        self.predecessor = predecessor
        self.successor = successor
        self.plaintext = plaintext

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to show to the person that asked for the rotation; mostly empty."""
        return (ROTATED_BEFORE,) if self.plaintext is None else ()

    def __repr__(self) -> str:
        return f"Rotated({self.predecessor!r}, {self.successor!r})"

    def __rich_repr__(self) -> Iterator[object]:
        """Yield the fields that rich prints: both records, never the key."""
        yield "predecessor", self.predecessor
        yield "successor", self.successor

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Rotated holds a key and is not pickled")


class RotationStatus(NamedTuple):
    """The state of a rotation: may the old key go?

    Attributes:
        predecessor: The old key.
        successor: The new key.
        status: The status of the old key now.
        began: The beginning of the rotation, in seconds since 1970 UTC.
        ends: The end of the old key, in seconds since 1970 UTC.
        usage: The uses of the old key since: last use, requests, networks, user agents; behind by one flush. Networks
            and user agents are those of the last day.
        successor_used: Whether the new key has been used.
    """

    predecessor: KeyRecord
    successor: KeyRecord
    status: Status
    began: float
    ends: float | None
    usage: Usage
    successor_used: bool

    @property
    def old_key_used(self) -> bool:
        """Whether the old key has been accepted since the rotation began."""
        return self.usage.requests > 0
