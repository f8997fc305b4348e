"""Asynchronous registers beside the keys as the cases for threads use them: each call is awaited on a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from secretsource.stores.base import (
    ClaimStore,
    CountStore,
    CreditStore,
    History,
    Outbox,
    PassStore,
    Register,
    Upkeep,
)
from secretsource.stores.owners import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from secretsource.stores.base import (
        AsyncClaimStore,
        AsyncCountStore,
        AsyncCreditStore,
        AsyncHistory,
        AsyncOutbox,
        AsyncPassStore,
        AsyncRegister,
        AsyncUpkeep,
        Backlog,
        Claim,
        Count,
        CountQuery,
        HistoryEvent,
        HistoryQuery,
        KeyRecord,
        Message,
        OwnerEvent,
        Pass,
        Purse,
        Refused,
        Spending,
    )

__all__ = [
    "ClaimsOnALoop",
    "CountsOnALoop",
    "CreditsOnALoop",
    "HistoryOnALoop",
    "OutboxOnALoop",
    "PassesOnALoop",
    "RegisterOnALoop",
    "UpkeepOnALoop",
]


class RegisterOnALoop(Register[Kept], Generic[Kept]):
    """An asynchronous register as the cases for threads use it.

    Args:
        register: The register under test.
        play: Plays a coroutine on the loop of its store.
    """

    def __init__(self, register: AsyncRegister[Kept], play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._register: AsyncRegister[Kept] = register
        self._play = play

    def get(self, id: str) -> Kept | None:
        """Await it."""
        found: Kept | None = self._play(self._register.get(id))
        return found

    def put(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Await it."""
        stored: Kept | Refused = self._play(self._register.put(record, event))
        return stored

    def delete(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Await it."""
        deleted: Kept | Refused = self._play(self._register.delete(record, event))
        return deleted

    def list(self, *, after: str | None = None, limit: int = 100, plan: str | None = None) -> Sequence[Kept]:
        """Await it."""
        found: Sequence[Kept] = self._play(self._register.list(after=after, limit=limit, plan=plan))
        return found

    def events(self, id: str, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Await it."""
        happened: Sequence[OwnerEvent] = self._play(self._register.events(id, after=after, limit=limit))
        return happened


class CountsOnALoop(CountStore):
    """Asynchronous counts as the cases for threads use them.

    Args:
        counts: The counts under test.
        play: Plays a coroutine on the loop of their store.
    """

    def __init__(self, counts: AsyncCountStore, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._counts = counts
        self._play = play

    def add(self, counts: Sequence[Count]) -> None:
        """Await it."""
        self._play(self._counts.add(counts))

    def read(self, query: CountQuery) -> Sequence[Count]:
        """Await it."""
        found: Sequence[Count] = self._play(self._counts.read(query))
        return found

    def forget(self, now: float) -> None:
        """Await it."""
        self._play(self._counts.forget(now))


class ClaimsOnALoop(ClaimStore):
    """Asynchronous claims as the cases for threads use them.

    Args:
        claims: The claims under test.
        play: Plays a coroutine on the loop of their store.
    """

    def __init__(self, claims: AsyncClaimStore, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._claims = claims
        self._play = play

    def take(self, claim: Claim, since: float) -> Claim:
        """Await it."""
        found: Claim = self._play(self._claims.take(claim, since))
        return found

    def release(self, claim: Claim) -> None:
        """Await it."""
        self._play(self._claims.release(claim))


class PassesOnALoop(PassStore):
    """Asynchronous links and sessions as the cases for threads use them.

    Args:
        passes: The passes under test.
        play: Plays a coroutine on the loop of their store.
    """

    def __init__(self, passes: AsyncPassStore, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._passes = passes
        self._play = play

    def put(self, new: Pass) -> None:
        """Await it."""
        self._play(self._passes.put(new))

    def get(self, token: str) -> Pass | None:
        """Await it."""
        found: Pass | None = self._play(self._passes.get(token))
        return found

    def take(self, token: str, kind: str) -> Pass | None:
        """Await it."""
        taken: Pass | None = self._play(self._passes.take(token, kind))
        return taken

    def touch(self, token: str, seen: float) -> None:
        """Await it."""
        self._play(self._passes.touch(token, seen))

    def take_all(self, kind: str, holder: str) -> int:
        """Await it."""
        taken: int = self._play(self._passes.take_all(kind, holder))
        return taken


class CreditsOnALoop(CreditStore):
    """Asynchronous credits as the cases for threads use them.

    Args:
        credits: The credits under test.
        play: Plays a coroutine on the loop of their store.
    """

    def __init__(self, credits: AsyncCreditStore, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._credits = credits
        self._play = play

    def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        """Await it."""
        spending: Spending = self._play(self._credits.spend(purses, cost))
        return spending

    def refund(self, purses: Sequence[Purse], cost: int) -> None:
        """Await it."""
        self._play(self._credits.refund(purses, cost))


class HistoryOnALoop(History):
    """An asynchronous feed as the cases for threads use it.

    Args:
        history: The feed under test.
        play: Plays a coroutine on the loop of its store.
    """

    def __init__(self, history: AsyncHistory, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._history = history
        self._play = play

    def read(self, query: HistoryQuery) -> Sequence[HistoryEvent]:
        """Await it."""
        found: Sequence[HistoryEvent] = self._play(self._history.read(query))
        return found


class UpkeepOnALoop(Upkeep):
    """An asynchronous upkeep as the cases for threads use it.

    Args:
        upkeep: The upkeep under test.
        play: Plays a coroutine on the loop of its store.
    """

    def __init__(self, upkeep: AsyncUpkeep, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._upkeep = upkeep
        self._play = play

    def take(self, holder: str, now: float, until: float) -> str | None:
        """Await it."""
        place: str | None = self._play(self._upkeep.take(holder, now, until))
        return place

    def leave(self, holder: str, place: str) -> bool:
        """Await it."""
        left: bool = self._play(self._upkeep.leave(holder, place))
        return left

    def delete(self, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
        """Await it."""
        gone: frozenset[str] = self._play(self._upkeep.delete(records, events))
        return gone

    def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> bool:
        """Await it."""
        done: bool = self._play(self._upkeep.purge(owner, event, always=always))
        return done


class OutboxOnALoop(Outbox):
    """An asynchronous outbox as the cases for threads use it.

    Args:
        outbox: The outbox under test.
        play: Plays a coroutine on the loop of its store.
    """

    def __init__(self, outbox: AsyncOutbox, play: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._outbox = outbox
        self._play = play

    def begin(self, queue: str) -> int:
        """Await it."""
        place: int = self._play(self._outbox.begin(queue))
        return place

    def follow(self, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
        """Await it."""
        moved: bool = self._play(self._outbox.follow(queue, after, place, messages))
        return moved

    def put(self, messages: Sequence[Message]) -> None:
        """Await it."""
        self._play(self._outbox.put(messages))

    def take(self, queue: str, now: float, until: float, limit: int) -> Sequence[Message]:
        """Await it."""
        taken: Sequence[Message] = self._play(self._outbox.take(queue, now, until, limit))
        return taken

    def settle(self, taken: Message, later: Message | None) -> bool:
        """Await it."""
        settled: bool = self._play(self._outbox.settle(taken, later))
        return settled

    def list(self, queue: str | None = None, *, given_up: bool | None = None, limit: int = 100) -> Sequence[Message]:
        """Await it."""
        found: Sequence[Message] = self._play(self._outbox.list(queue, given_up=given_up, limit=limit))
        return found

    def resend(self, queue: str, now: float, id: str | None = None) -> int:
        """Await it."""
        number: int = self._play(self._outbox.resend(queue, now, id))
        return number

    def forget(self, before: float) -> int:
        """Await it."""
        number: int = self._play(self._outbox.forget(before))
        return number

    def backlog(self, queue: str) -> Backlog:
        """Await it."""
        counted: Backlog = self._play(self._outbox.backlog(queue))
        return counted
