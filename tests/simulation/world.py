"""What a simulated service holds, who asked it, and who asked the resolver: one history in one order.

Every event gets the next moment, a whole number. Virtual seconds would not do for that: much happens within one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from secretsource.providers.base import AsyncProvider, Failed, FailureCode, Found, NotFound, SecretRef

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.loop import SimulatedClock

    from secretsource.providers.base import Outcome

__all__ = ["ABSENT", "DENIED", "NAMES", "POINTED", "UNAVAILABLE", "Call", "Operation", "Pointer", "Service", "World"]

ABSENT = "absent"
DENIED = "denied"
UNAVAILABLE = "unavailable"

PLACES = ("A", "B")

NAMES = {"A#field": "A", "B": "B", "B#field": "B", "P": "A"}
"""What clients ask for, and the place it leads to."""

POINTED = {"P": "A"}
"""Where the value of a place leads that says only where the secret is."""


@dataclass(eq=False, slots=True)
class Call:
    """One call that reached the service: its moments, and the monotonic seconds of its begin and end."""

    place: str
    began: int
    born: float
    state: str = UNAVAILABLE
    ended: int = 0
    died: float = 0.0
    frozen: float = 0.0


@dataclass(eq=False, slots=True)
class Operation:
    """One thing that a client asked of the resolver.

    Attributes:
        kind: ``get``, ``fresh``, ``reject`` or ``invalidate``.
        name: The name it was asked for by.
        place: The place that the name leads to.
        state: The version that was given, or the word for why there is none; empty if it was cancelled.
        refused: The version that was rejected.
        frozen: Seconds for which the process had been frozen when it began.
    """

    kind: str
    name: str
    place: str
    began: int
    born: float
    frozen: float
    state: str = ""
    served: str = ""
    error: str = ""
    refused: str = ""
    ended: int = 0
    died: float = 0.0


@dataclass
class World:
    """A service, its history, and the history of those who use a resolver over it.

    Attributes:
        writes: For each place the moments at which its state changed, and to what.
        calm: Whether calls are quick and succeed from here on.
    """

    random: Random
    clock: SimulatedClock
    moments: int = 0
    versions: int = 0
    calm: bool = False
    writes: dict[str, list[tuple[int, str]]] = field(default_factory=dict[str, "list[tuple[int, str]]"])
    calls: list[Call] = field(default_factory=list[Call])
    operations: list[Operation] = field(default_factory=list[Operation])

    def __post_init__(self) -> None:
        for place in PLACES:
            self.put(place)

    def moment(self) -> int:
        """The moment of an event."""
        self.moments += 1
        return self.moments

    def put(self, place: str) -> None:
        """Replace the value of a place by a new version."""
        self.versions += 1
        self.write(place, f"v{self.versions}")

    def write(self, place: str, state: str) -> None:
        """Change a place to a version, to denied or to absent."""
        self.writes.setdefault(place, []).append((self.moment(), state))

    def now(self, place: str) -> str:
        """The state of a place."""
        return self.writes[place][-1][1]

    def between(self, place: str, begin: int, end: int) -> set[str]:
        """The states that a place had at some moment from ``begin`` to ``end``."""
        writes = self.writes[place]
        ends = [moment for moment, _ in writes[1:]] + [end + 1]
        return {state for (start, state), until in zip(writes, ends, strict=True) if start <= end and until > begin}

    def begin(self, kind: str, name: str, refused: str = "") -> Operation:
        """Note that a client asks."""
        clock = self.clock
        operation = Operation(kind, name, NAMES[name], self.moment(), clock.mono, clock.frozen, refused=refused)
        self.operations.append(operation)
        return operation

    def end(self, operation: Operation) -> None:
        """Note that it has its answer."""
        operation.ended, operation.died = self.moment(), self.clock.mono

    async def pause(self) -> None:
        """The time that one half of a call takes: mostly short, at times past every deadline."""
        drawn = self.random.random()
        if drawn < 0.35 or self.calm:
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(0.02 if drawn < 0.7 else 0.15 if drawn < 0.9 else 0.7 if drawn < 0.97 else 3.0)


class Service(AsyncProvider):
    """Reads its place somewhere between the begin and the end of a call, which may fail, be slow, or be cut off."""

    scheme: ClassVar[str] = "service"

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def locate(self, name: str) -> SecretRef | NotFound:
        return SecretRef(self.name, name) if name in PLACES else NotFound()

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        raise AssertionError("a task uses the native client")

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        world, place = self.world, ref.location
        call = Call(place, world.moment(), world.clock.mono)
        world.calls.append(call)
        try:
            await world.pause()
            state = world.now(place)
            await world.pause()
            if world.calm or world.random.random() > 0.1:
                call.state = state
        finally:
            call.ended, call.died, call.frozen = world.moment(), world.clock.mono, world.clock.frozen
        return OUTCOMES.get(call.state) or Found(f'{{"field": "{call.state}"}}', version=call.state)


class Pointer(AsyncProvider):
    """Says of one name where its value is, at times slowly; its answers are kept like any other."""

    scheme: ClassVar[str] = "pointer"
    follows = True

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def locate(self, name: str) -> SecretRef | NotFound:
        return SecretRef(self.name, name) if name == "P" else NotFound()

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        raise AssertionError("a task uses the native client")

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        world = self.world
        call = Call("P", world.moment(), world.clock.mono)
        world.calls.append(call)
        try:
            await world.pause()
        finally:
            call.ended, call.died, call.frozen = world.moment(), world.clock.mono, world.clock.frozen
        return Found("ref+service://A#field")


OUTCOMES: dict[str, Outcome] = {
    DENIED: Failed(FailureCode.DENIED),
    ABSENT: NotFound(),
    UNAVAILABLE: Failed(FailureCode.UNAVAILABLE),
}
