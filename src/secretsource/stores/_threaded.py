"""Registers beside the keys, for an event loop: each question is asked where the store asks its own."""

from __future__ import annotations

from functools import partial
from typing import Generic

from secretsource.stores.owners import AsyncRegister, Kept
from secretsource.stores.registers.claims import AsyncClaimStore
from secretsource.stores.registers.counts import AsyncCountStore
from secretsource.stores.registers.credits import AsyncCreditStore
from secretsource.stores.registers.history import AsyncHistory
from secretsource.stores.registers.outbox import AsyncOutbox
from secretsource.stores.registers.passes import AsyncPassStore
from secretsource.stores.registers.upkeep import AsyncUpkeep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from secretsource.stores.owners import OwnerEvent, Refused, Register
    from secretsource.stores.records import KeyRecord
    from secretsource.stores.registers.claims import Claim, ClaimStore
    from secretsource.stores.registers.counts import Count, CountQuery, CountStore
    from secretsource.stores.registers.credits import CreditStore, Purse, Spending
    from secretsource.stores.registers.history import History, HistoryEvent, HistoryQuery
    from secretsource.stores.registers.outbox import Backlog, Message, Outbox
    from secretsource.stores.registers.passes import Pass, PassStore
    from secretsource.stores.registers.upkeep import Upkeep

__all__ = [
    "threaded",
    "threaded_claims",
    "threaded_counts",
    "threaded_credits",
    "threaded_history",
    "threaded_outbox",
    "threaded_passes",
    "threaded_upkeep",
]


def threaded(register: Register[Kept] | None, ask: Callable[..., Awaitable[Any]]) -> AsyncRegister[Kept] | None:
    """Return a register for an event loop, if the store for threads has one.

    Args:
        register: The register for threads.
        ask: Calls a function with its arguments where it does not block the event loop.
    """
    return None if register is None else _ThreadedRegister(register, ask)


def threaded_counts(counts: CountStore | None, ask: Callable[..., Awaitable[Any]]) -> AsyncCountStore | None:
    """Make counts for an event loop, as `threaded` makes a register."""
    return None if counts is None else _ThreadedCounts(counts, ask)


class _ThreadedCounts(AsyncCountStore):
    """A `CountStore` for an event loop."""

    def __init__(self, counts: CountStore, ask: Callable[..., Awaitable[Any]]) -> None:
        self._counts = counts
        self._ask = ask

    async def add(self, counts: Sequence[Count]) -> None:
        """Do as `CountStore.add` does."""
        await self._ask(self._counts.add, counts)

    async def read(self, query: CountQuery) -> Sequence[Count]:
        """Do as `CountStore.read` does."""
        found: Sequence[Count] = await self._ask(self._counts.read, query)
        return found

    async def forget(self, now: float) -> None:
        """Do as `CountStore.forget` does."""
        await self._ask(self._counts.forget, now)


def threaded_claims(claims: ClaimStore | None, ask: Callable[..., Awaitable[Any]]) -> AsyncClaimStore | None:
    """Make claims for an event loop, as `threaded` makes a register."""
    return None if claims is None else _ThreadedClaims(claims, ask)


class _ThreadedClaims(AsyncClaimStore):
    """A `ClaimStore` for an event loop."""

    def __init__(self, claims: ClaimStore, ask: Callable[..., Awaitable[Any]]) -> None:
        self._claims = claims
        self._ask = ask

    async def take(self, claim: Claim, since: float) -> Claim:
        """Do the same as `ClaimStore.take`."""
        found: Claim = await self._ask(self._claims.take, claim, since)
        return found

    async def release(self, claim: Claim) -> None:
        """Do the same as `ClaimStore.release`."""
        await self._ask(self._claims.release, claim)


def threaded_passes(passes: PassStore | None, ask: Callable[..., Awaitable[Any]]) -> AsyncPassStore | None:
    """Make passes for an event loop, as `threaded` makes a register."""
    return None if passes is None else _ThreadedPasses(passes, ask)


class _ThreadedPasses(AsyncPassStore):
    """A `PassStore` for an event loop."""

    def __init__(self, passes: PassStore, ask: Callable[..., Awaitable[Any]]) -> None:
        self._passes = passes
        self._ask = ask

    async def put(self, new: Pass) -> None:
        """Do the same as `PassStore.put`."""
        await self._ask(self._passes.put, new)

    async def get(self, token: str) -> Pass | None:
        """Do the same as `PassStore.get`."""
        found: Pass | None = await self._ask(self._passes.get, token)
        return found

    async def take(self, token: str, kind: str) -> Pass | None:
        """Do the same as `PassStore.take`."""
        taken: Pass | None = await self._ask(self._passes.take, token, kind)
        return taken

    async def touch(self, token: str, seen: float) -> None:
        """Do the same as `PassStore.touch`."""
        await self._ask(self._passes.touch, token, seen)

    async def take_all(self, kind: str, holder: str) -> int:
        """Do the same as `PassStore.take_all`."""
        taken: int = await self._ask(self._passes.take_all, kind, holder)
        return taken


class _ThreadedRegister(AsyncRegister[Kept], Generic[Kept]):
    """A `Register` for an event loop."""

    def __init__(self, register: Register[Kept], ask: Callable[..., Awaitable[Any]]) -> None:
        self._register: Register[Kept] = register
        self._ask = ask

    async def get(self, id: str) -> Kept | None:
        """Do the same as `Register.get`."""
        found: Kept | None = await self._ask(self._register.get, id)
        return found

    async def put(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Do the same as `Register.put`."""
        stored: Kept | Refused = await self._ask(self._register.put, record, event)
        return stored

    async def delete(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Do the same as `Register.delete`."""
        deleted: Kept | Refused = await self._ask(self._register.delete, record, event)
        return deleted

    async def list(self, *, after: str | None = None, limit: int = 100, plan: str | None = None) -> Sequence[Kept]:
        """Do the same as `Register.list`."""
        found: Sequence[Kept] = await self._ask(self._register.list, after=after, limit=limit, plan=plan)
        return found

    async def events(self, id: str, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Do the same as `Register.events`."""
        happened: Sequence[OwnerEvent] = await self._ask(self._register.events, id, after=after, limit=limit)
        return happened


def threaded_credits(credits: CreditStore | None, ask: Callable[..., Awaitable[Any]]) -> AsyncCreditStore | None:
    """Make credits for an event loop, as `threaded` makes a register."""
    return None if credits is None else _ThreadedCredits(credits, ask)


class _ThreadedCredits(AsyncCreditStore):
    """A `CreditStore` for an event loop."""

    def __init__(self, credits: CreditStore, ask: Callable[..., Awaitable[Any]]) -> None:
        self._credits = credits
        self._ask = ask

    async def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        """Do as `CreditStore.spend` does."""
        spending: Spending = await self._ask(self._credits.spend, purses, cost)
        return spending

    async def refund(self, purses: Sequence[Purse], cost: int) -> None:
        """Do as `CreditStore.refund` does."""
        await self._ask(self._credits.refund, purses, cost)


def threaded_history(history: History | None, ask: Callable[..., Awaitable[Any]]) -> AsyncHistory | None:
    """Make a feed for an event loop, where the store for threads has one.

    Args:
        history: The feed for threads.
        ask: Calls a function with its arguments where it holds up no event loop.
    """
    return None if history is None else _ThreadedHistory(history, ask)


class _ThreadedHistory(AsyncHistory):
    """A `History` for an event loop."""

    def __init__(self, history: History, ask: Callable[..., Awaitable[Any]]) -> None:
        self._history = history
        self._ask = ask

    async def read(self, query: HistoryQuery) -> Sequence[HistoryEvent]:
        """Do as `History.read` does."""
        found: Sequence[HistoryEvent] = await self._ask(self._history.read, query)
        return found


def threaded_upkeep(upkeep: Upkeep | None, ask: Callable[..., Awaitable[Any]]) -> AsyncUpkeep | None:
    """Return the chores of a store for an event loop, as `threaded` returns a register."""
    return None if upkeep is None else _ThreadedUpkeep(upkeep, ask)


class _ThreadedUpkeep(AsyncUpkeep):
    """An `Upkeep` for an event loop."""

    def __init__(self, upkeep: Upkeep, ask: Callable[..., Awaitable[Any]]) -> None:
        self._upkeep = upkeep
        self._ask = ask

    async def take(self, holder: str, now: float, until: float) -> str | None:
        """Do the same as `Upkeep.take`."""
        place: str | None = await self._ask(self._upkeep.take, holder, now, until)
        return place

    async def leave(self, holder: str, place: str) -> bool:
        """Do the same as `Upkeep.leave`."""
        left: bool = await self._ask(self._upkeep.leave, holder, place)
        return left

    async def delete(self, records: Sequence[KeyRecord], events: Sequence[OwnerEvent]) -> frozenset[str]:
        """Do the same as `Upkeep.delete`."""
        gone: frozenset[str] = await self._ask(self._upkeep.delete, records, events)
        return gone

    async def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> bool:
        """Do the same as `Upkeep.purge`."""
        done: bool = await self._ask(partial(self._upkeep.purge, always=always), owner, event)
        return done


def threaded_outbox(outbox: Outbox | None, ask: Callable[..., Awaitable[Any]]) -> AsyncOutbox | None:
    """Return an outbox for an event loop, as `threaded` returns a register."""
    return None if outbox is None else _ThreadedOutbox(outbox, ask)


class _ThreadedOutbox(AsyncOutbox):
    """An `Outbox` for an event loop."""

    def __init__(self, outbox: Outbox, ask: Callable[..., Awaitable[Any]]) -> None:
        self._outbox = outbox
        self._ask = ask

    async def begin(self, queue: str) -> int:
        """Do the same as `Outbox.begin`."""
        place: int = await self._ask(self._outbox.begin, queue)
        return place

    async def follow(self, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
        """Do the same as `Outbox.follow`."""
        moved: bool = await self._ask(self._outbox.follow, queue, after, place, messages)
        return moved

    async def put(self, messages: Sequence[Message]) -> None:
        """Do the same as `Outbox.put`."""
        await self._ask(self._outbox.put, messages)

    async def take(self, queue: str, now: float, until: float, limit: int) -> Sequence[Message]:
        """Do the same as `Outbox.take`."""
        taken: Sequence[Message] = await self._ask(self._outbox.take, queue, now, until, limit)
        return taken

    async def settle(self, taken: Message, later: Message | None) -> bool:
        """Do the same as `Outbox.settle`."""
        settled: bool = await self._ask(self._outbox.settle, taken, later)
        return settled

    async def list(
        self, queue: str | None = None, *, given_up: bool | None = None, limit: int = 100
    ) -> Sequence[Message]:
        """Do the same as `Outbox.list`."""
        found: Sequence[Message] = await self._ask(self._outbox.list, queue, given_up=given_up, limit=limit)
        return found

    async def resend(self, queue: str, now: float, id: str | None = None) -> int:
        """Do the same as `Outbox.resend`."""
        number: int = await self._ask(self._outbox.resend, queue, now, id)
        return number

    async def forget(self, before: float) -> int:
        """Do the same as `Outbox.forget`."""
        number: int = await self._ask(self._outbox.forget, before)
        return number

    async def backlog(self, queue: str) -> Backlog:
        """Do the same as `Outbox.backlog`."""
        counted: Backlog = await self._ask(self._outbox.backlog, queue)
        return counted
