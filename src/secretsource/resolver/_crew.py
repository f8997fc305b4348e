"""Flights to a driver with a native client: the tasks of an event loop that carry them, and the end of their time."""

from __future__ import annotations

import asyncio

from secretsource.providers.base import Failed, FailureCode
from secretsource.resolver._call import PATIENCE, abandon, checked, raised
from secretsource.resolver._engine.landing import landing
from secretsource.resolver._walk.resolution import OVERDUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.providers.base import AsyncProvider, Outcome
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._engine.flight import Flight

__all__ = ["Crew"]

MAX_AT_ONCE = 32
"""Most tasks of one crew, and so most calls of one batch under way at the same time."""

CUT_OFF = Failed(FailureCode.TIMEOUT)


class Crew:
    """Tasks of the running loop that carry flights to one provider, each task one flight after the other.

    The tasks belong to the loop, and not to a caller: one that is cancelled while it waits takes no flight along. They
    land every flight before its deadline, whatever the driver does.

    Args:
        engine: The engine that settles the flights.
        provider: The provider that they ask.
        flights: At least one; they have one deadline.
        roster: The set that holds each task until it has ended.
    """

    def __init__(
        self, engine: Engine, provider: AsyncProvider, flights: Sequence[Flight], roster: set[asyncio.Task[None]]
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._flights = flights
        self._ahead = iter(flights)
        self._roster = roster
        self._tasks: list[asyncio.Task[None]] = []
        loop = asyncio.get_running_loop()
        for flight in flights:
            flight.loop = loop
            if len(self._tasks) < MAX_AT_ONCE:
                task = loop.create_task(self._work())
                task.add_done_callback(self._leave)
                self._tasks.append(task)
                roster.add(task)
        self._aboard = len(self._tasks)
        self._over = loop.call_at(loop.time() + max(0.0, self._left()), self._cut_off)

    def _left(self) -> float:
        return self._flights[0].until - self._engine.monotonic()

    async def _work(self) -> None:
        for flight in self._ahead:
            if flight.reply is not None:
                continue
            try:
                outcome = await self._ask(flight)
            except BaseException:
                abandon(self._engine, [flight])
                raise
            if flight.reply is None:
                self._engine.settle([(flight, outcome)])

    async def _ask(self, flight: Flight) -> Outcome:
        ahead = self._engine.state.ahead_of(flight) if flight.anew else None
        if ahead is not None:
            await landing(ahead, self._engine.monotonic() + PATIENCE, lambda: PATIENCE)
        self._engine.state.begin([flight])
        left = self._left()
        if left <= 0:
            return OVERDUE
        try:
            if flight.anew:
                self._provider.discard(flight.ask.ref)
            return checked(await self._provider.afetch(flight.ask.ref, timeout=left), self._provider)
        except TimeoutError:
            return CUT_OFF
        except Exception as error:
            name = type(error).__name__
        return raised(name)

    def _cut_off(self) -> None:
        """End the flights whose time is over: those that have not begun, and those whose driver does not keep to it."""
        self._engine.settle([(flight, OVERDUE) for flight in self._ahead if flight.reply is None])
        self._engine.settle([(flight, CUT_OFF) for flight in self._flights if flight.reply is None])
        for task in self._tasks:
            task.cancel()

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._roster.discard(task)
        self._aboard -= 1
        if not self._aboard:
            self._over.cancel()
            abandon(self._engine, self._flights)  # of a crew that was cancelled before its first step
