"""One schedule: a few clients use one `AsyncResolver` over the simulated service, as a seed has it."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from tests.simulation.loop import SeededLoop, SimulatedClock, Stuck
from tests.simulation.properties import DEADLINE, MAX_STALE, REVALIDATE, TTL, broken
from tests.simulation.world import ABSENT, DENIED, NAMES, UNAVAILABLE, Pointer, Service, World

from secretsource import AsyncResolver, Secret
from secretsource.exceptions import ProviderDenied, ProviderResponseError, ProviderUnavailable, SecretNotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Question: TypeAlias = "Callable[[], Awaitable[Secret]]"

__all__ = ["history", "run"]

CLIENTS = 4
TURNS = 7

ACTS = ("get",) * 6 + ("fresh",) * 4 + ("reject",) * 3 + ("invalidate",) * 2 + ("put",) * 4 + ("wait",) * 5 + ("upset",)


def run(seed: int) -> list[str]:
    """Run the schedule of a seed, and say which properties it broke."""
    return history(seed)[1]


def history(seed: int) -> tuple[World, list[str]]:
    """The same, with everything that happened."""
    random, clock = Random(seed), SimulatedClock()
    world = World(random, clock)
    with SeededLoop(random, clock) as loop:
        resolver = AsyncResolver(
            [Pointer(world), Service(world)],
            ttl=TTL,
            revalidate=REVALIDATE,
            max_stale=MAX_STALE,
            negative_ttl=2.0,
            deadline=DEADLINE,
            jitter=0.3,
            clock=clock,
        )
        state = resolver._resolver._engine.state
        state._luck = random.random()
        try:
            loop.run(_crowd(world, resolver))
            loop.settle()
            left = [f"{len(state.flights)} flights are left behind"] if len(state.flights) else []
            left += [f"{len(resolver._tasks)} tasks are left behind"] if resolver._tasks else []
            loop.run(_afterwards(world, resolver))
        except Stuck as stuck:
            return world, [str(stuck)]
    return world, [*broken(world), *left, *(f"a callback raised: {fault.get('exception')!r}" for fault in loop.faults)]


async def _crowd(world: World, resolver: AsyncResolver) -> None:
    """Every client at once; whether wall time goes back or stands still for long, but not both in one schedule."""
    backward, held = world.random.random() < 0.3, list[Secret]()
    clients = [_Client(world, resolver, held, backward=backward) for _ in range(CLIENTS)]
    await asyncio.gather(*(client.live() for client in clients))


async def _afterwards(world: World, resolver: AsyncResolver) -> None:
    """When all is well again, everybody is answered."""
    world.calm = True
    for name in ("A#field", "B#field", "P"):
        world.put(NAMES[name])
        await _answered(world, "fresh", name, partial(resolver.get, name, fresh=True))
        await _answered(world, "get", name, partial(resolver.get, name))


class _Client:
    """Acts at random, now and then giving up while it waits; all hold what any of them got last."""

    def __init__(self, world: World, resolver: AsyncResolver, held: list[Secret], *, backward: bool) -> None:
        self._world = world
        self._random = world.random
        self._resolver = resolver
        self._backward = backward
        self._held = held

    async def live(self) -> None:
        for _ in range(TURNS):
            await self._act(self._random.choice(ACTS))

    async def _act(self, act: str) -> None:
        world = self._world
        name = self._random.choice(tuple(NAMES))
        place = NAMES[name]
        if act == "wait":
            await asyncio.sleep(self._random.choice((0.0, 0.02, 0.3, 3.0, 9.0, 25.0, 70.0)))
        elif act == "put":
            world.put(place)
        elif act == "upset":
            self._upset(place)
        elif act == "invalidate":
            operation = world.begin(act, name)
            self._resolver.invalidate(name)
            world.end(operation)
        elif act != "reject":
            read = self._one_of_many if self._random.random() < 0.3 else self._resolver.get
            await self._ask(act, name, partial(read, name, fresh=act == "fresh"))
        elif self._held:
            held = self._held[-1]
            await self._ask(act, held.name, partial(self._resolver.reject, held), held.version or "")

    async def _one_of_many(self, name: str, *, fresh: bool) -> Secret:
        return (await self._resolver.get_many([name], fresh=fresh))[name]

    def _upset(self, place: str) -> None:
        """Take the secret away for a time, or make the clocks disagree."""
        drawn = self._random.random()
        if drawn < 0.4:
            self._world.write(place, DENIED)
        elif drawn < 0.6:
            self._world.write(place, ABSENT)
        elif self._backward:
            self._world.clock.offset -= 1_000.0
        else:
            self._world.clock.freeze(self._random.choice((10.0, 40.0, 100.0)))

    async def _ask(self, kind: str, name: str, question: Question, refused: str = "") -> None:
        """Wait for an answer, or for a while only."""
        asked = asyncio.ensure_future(_answered(self._world, kind, name, question, refused))
        if self._random.random() < 0.15:
            await asyncio.sleep(self._random.choice((0.0, 0.0, 0.01, 0.1)))
            asked.cancel()
        try:
            self._held += filter(None, [await asked])
        except asyncio.CancelledError:
            return


async def _answered(world: World, kind: str, name: str, question: Question, refused: str = "") -> Secret | None:
    operation, secret = world.begin(kind, name, refused), None
    try:
        secret = await question()
    except ProviderDenied:
        operation.state = DENIED
    except (SecretNotFound, ProviderResponseError):  # a pointer that leads to an absence is a mistake
        operation.state = ABSENT
    except ProviderUnavailable as error:
        operation.state, operation.error = UNAVAILABLE, str(error)
    else:
        operation.state, operation.served = secret.version or "", secret.served
    world.end(operation)
    return secret
