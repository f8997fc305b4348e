"""Passes beside the keys: the links and sessions of the people who look after keys on pages.

A pass is a random text; the store has its hash alone. A link is taken once, by one of all that try. A session is found
until it ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._ground.clock import utc
from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from secretsource.stores.owners import OwnerEvent

__all__ = ["AsyncPassStore", "Pass", "PassStore"]


class Pass(NamedTuple):
    """A link or a session, without its text.

    Attributes:
        token: The hash of its text: 64 characters of ``0-9a-f``.
        kind: The purpose, such as ``link`` or ``session``: 1 to 16 characters of ``a-z``.
        holder: The owner or operator that it is for: 1 to 255 characters.
        made: The time it was made, in seconds since 1970 UTC.
        ends: Its end, in seconds since 1970 UTC.
        seen: The time it was last used, in seconds since 1970 UTC.
        facts: More about the holder, as a JSON object of up to 4096 bytes.
    """

    token: str
    kind: str
    holder: str
    made: float
    ends: float
    seen: float
    facts: str = "{}"

    @property
    def ends_at(self) -> datetime:
        """Its end, as aware UTC."""
        return utc(self.ends)

    def __repr__(self) -> str:
        return f"Pass({self.kind!r}, holder={self.holder!r}, ends={self.ends!r})"


class PassStore(ABC):
    """The store of passes, for threads; every method must raise `StoreError` when it cannot answer."""

    @abstractmethod
    def put(self, new: Pass) -> None:
        """Store a pass, and forget those that ended before it was made.

        Args:
            new: The pass; its token is random.
        """

    @abstractmethod
    def get(self, token: str) -> Pass | None:
        """Return a pass, also one that has ended; None for an unknown one.

        Args:
            token: The hash of its text; see `Pass`.
        """

    @abstractmethod
    def take(self, token: str, kind: str) -> Pass | None:
        """Take a pass of a kind out of the store; of simultaneous calls, one gets it.

        Args:
            token: The hash of its text.
            kind: The kind that it must be of.

        Returns:
            The pass, also one that has ended; None for one that is unknown, taken or of another kind.
        """

    @abstractmethod
    def touch(self, token: str, seen: float) -> None:
        """Note a use of a pass; its time moves forward only.

        Args:
            token: The hash of its text.
            seen: The time of the use, in seconds since 1970 UTC.
        """

    @abstractmethod
    def take_all(self, kinds: Sequence[str], holder: str, event: OwnerEvent | None = None) -> int:
        """Take every pass of some kinds and a holder out of the store, and return their number.

        The kinds go in their order: a pass that is made from one of an earlier kind meanwhile is taken, too, or that
        one cannot be taken any more.

        Args:
            kinds: The kinds.
            holder: The holder.
            event: The event to write in the same transaction, if there is such a pass; else it is not written.
        """


class AsyncPassStore(ABC):
    """The same contract as `PassStore`, for an event loop."""

    @abstractmethod
    async def put(self, new: Pass) -> None:
        """Do the same as `PassStore.put`."""

    @abstractmethod
    async def get(self, token: str) -> Pass | None:
        """Do the same as `PassStore.get`."""

    @abstractmethod
    async def take(self, token: str, kind: str) -> Pass | None:
        """Do the same as `PassStore.take`."""

    @abstractmethod
    async def touch(self, token: str, seen: float) -> None:
        """Do the same as `PassStore.touch`."""

    @abstractmethod
    async def take_all(self, kinds: Sequence[str], holder: str, event: OwnerEvent | None = None) -> int:
        """Do the same as `PassStore.take_all`."""
