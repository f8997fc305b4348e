"""One schedule: clients of two or three `AsyncApiKeys` use and change a few keys, as a seed has it."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.issuing.network import Bus, Radio, SlowStore
from tests.simulation.issuing.properties import TOP_UP, TTL, broken
from tests.simulation.issuing.world import Act, Asked, MachineClock, Process, World
from tests.simulation.loop import SeededLoop, SimulatedClock, Stuck

from secretsource.exceptions import InvalidRequest, InvalidTransition, OwnerNotFound, StoreError
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, PepperSet
from secretsource.issuing._manage.ending.revocations import RevokedKeys
from secretsource.issuing._manage.issued import Issued, Rotated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["history", "run"]

OLD, NEW = "the old pepper of the simulation", "the new pepper of the simulation"
PEPPERS = PepperSet([OLD, NEW]), PepperSet([NEW, OLD])

OWNERS = "acme", "globex"
SCOPES = None, ["a"], ["b"], ["a", "b"]
CREDITS = None, None, 3, 9
LIMITS = "5/day, 9/2 days", "9/day, 5/2 days"
"""Two rules each, of which either may be the tighter one; neither refills by one within a schedule."""

CLIENTS = 2
TURNS = 5

ACTS = (
    *("check",) * 12,
    *("fresh",) * 2,
    *("wait",) * 4,
    *("issue",),
    *("rotate",) * 3,
    *("revoke",) * 2,
    *("family",),
    *("revoke_all",),
    *("disable", "enable", "enable", "finish"),
    *("update",) * 3,
    *("top_up",) * 3,
    *("suspend", "resume", "plan"),
    *("step", "swing", "swing"),
    *("pepper", "pepper"),
)


def run(seed: int) -> list[str]:
    """Run the schedule of a seed, and say which properties it broke."""
    return history(seed)[1]


def history(seed: int) -> tuple[World, list[str]]:
    """The same, with everything that happened."""
    random, clock = Random(seed), SimulatedClock()
    world = World(random, clock)
    with SeededLoop(random, clock) as loop:
        bus = Bus(world)
        world.processes += [_process(world, bus, number) for number in range(random.choice((2, 3)))]
        try:
            loop.run(_live(world))
            loop.settle()
        except Stuck as stuck:
            return world, [str(stuck)]
    return world, [*broken(world), *(f"a callback raised: {fault.get('exception')!r}" for fault in loop.faults)]


def _process(world: World, bus: Bus, number: int) -> Process:
    clock = MachineClock(world.clock)
    keys = AsyncApiKeys(
        SlowStore(world),
        peppers=PEPPERS[0],
        ttl=TTL,
        feed=Radio(bus, number),
        flush_every=3.0,
        clock=clock,
    )
    keys._parts.cache._max_misses = 2  # so that floors have to be forgotten
    return Process(number, clock, keys)


async def _live(world: World) -> None:
    """Some keys, then every client at once; and in the end, when all is well again, each key in each process."""
    first = _Client(world, world.processes[0])
    for _ in range(2):
        await first.issue()
    clients = [_Client(world, process) for process in world.processes for _ in range(CLIENTS)]
    await asyncio.gather(*(client.live() for client in clients))
    world.calm = True
    await asyncio.sleep(TTL)
    for process in world.processes:
        for key_id in [*world.texts]:
            await _Client(world, process).check(key_id, fresh=False)
    for process in world.processes:
        await process.keys.close()


class _Client:
    """Acts at random, in one process."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._random = world.random
        self._process = process
        self._keys = process.keys

    async def live(self) -> None:
        for _ in range(TURNS):
            await self._act(self._random.choice(ACTS))

    async def _act(self, kind: str) -> None:
        world, random = self._world, self._random
        if kind == "wait":
            await asyncio.sleep(random.choice((0.0, 0.02, 0.3, 1.0, 1.9, 3.0)))
        elif kind == "step":
            self._process.clock.step(random.choice((-8.0, -3.0, 3.0, 8.0)))
        elif kind == "swing":
            await self._swing()
        elif kind == "pepper":
            self._keys._adopt(self._keys._parts.renewed(PEPPERS[1]))
        elif kind == "issue":
            await self.issue()
        elif kind in {"revoke_all", "suspend", "resume", "plan"}:
            await self._change_owner(kind, random.choice(OWNERS))
        elif world.texts:
            key_id = random.choice([*world.texts][-3:])
            if kind in {"check", "fresh"}:
                for _ in range(random.choice((1, 1, 2, 3))):
                    await self.check(key_id, fresh=kind == "fresh")
            else:
                await self._change(kind, key_id)

    async def _swing(self) -> None:
        """Set the wall clock forward and back, and check one key before, meanwhile and afterwards."""
        random, known = self._random, [*self._world.texts][-3:]
        key_id = random.choice(known) if known else None
        for seconds in (0.0, 8.0, -8.0):
            self._process.clock.step(seconds)
            if key_id is not None:
                await self.check(key_id, fresh=False)
            await asyncio.sleep(random.choice((0.0, 0.02, 0.3)))

    async def check(self, key_id: str, *, fresh: bool) -> None:
        """Check a key, and note what came of it."""
        world, clock = self._world, self._process.clock
        cost = self._random.choice((1, 1, 2))
        asked = Asked(self._process.number, key_id, fresh, cost, world.moment(), world.clock.mono, clock.now().wall)
        world.checks.append(asked)
        asked.verdict = await self._keys.check(world.texts[key_id], scope=NO_SCOPE, cost=cost, fresh=fresh)
        asked.ended, asked.died = world.moment(), world.clock.mono
        asked.wall = min(asked.wall, clock.now().wall)

    async def issue(self) -> None:
        """Issue a key, with limits or without, for ever or for some seconds."""
        random = self._random
        limits = random.choice((None, *LIMITS))
        expires = random.choice((None, None, None, 4.0, 9.0))
        credits = random.choice(CREDITS)
        owner = OWNERS[random.random() < 0.25]
        await self._do(
            "issue",
            owner,
            lambda actor: self._keys.issue(
                owner=owner, rate_limit=limits, credits=credits, expires_in=expires, actor=actor
            ),
        )

    async def _change_owner(self, kind: str, owner: str) -> None:
        """Revoke an owner's keys, suspend it, take it back, or put it on a plan that is written anew."""
        keys = self._keys
        try:
            if kind == "revoke_all":
                await self._revoke_all(owner)
            elif kind == "suspend":
                await keys.owners.put(owner)
                await keys.owners.suspend(owner)
            elif kind == "resume":
                await keys.owners.resume(owner)
            else:
                await keys.plans.put("pro", max_keys=self._random.choice((1000, 2000)))
                await keys.owners.put(owner, plan="pro")
        except (OwnerNotFound, StoreError):
            pass

    async def _revoke_all(self, owner: str) -> None:
        await self._do("revoke_all", owner, lambda actor: self._keys.revoke_all(owner=owner, actor=actor))

    async def _change(self, kind: str, key_id: str) -> None:
        keys = self._keys
        overlap = self._random.choice((0.0, 1.0, 1.0, 5.0))
        scopes = self._random.choice(SCOPES)
        ways: dict[str, Callable[[str], Awaitable[Any]]] = {
            "rotate": lambda actor: keys.rotate(key_id, overlap=overlap, actor=actor),
            "revoke": lambda actor: keys.revoke(key_id, actor=actor),
            "family": lambda actor: keys.revoke(key_id, family=True, actor=actor),
            "disable": lambda actor: keys.disable(key_id, actor=actor),
            "enable": lambda actor: keys.enable(key_id, actor=actor),
            "update": lambda actor: keys.update(key_id, scopes=scopes, actor=actor),
            "top_up": lambda actor: keys.add_credits(key_id, TOP_UP, actor=actor),
            "finish": lambda actor: keys.finish_rotation(key_id, actor=actor),
        }
        await self._do(kind, key_id, ways[kind])

    async def _do(self, kind: str, target: str, way: Callable[[str], Awaitable[Any]]) -> None:
        """Make a change, and note what came of it."""
        world = self._world
        of_owner = (key_id for key_id, [*_, last] in world.versions.items() if last.record.owner == target)
        act = Act(self._process.number, len(world.acts), kind, target, world.moment(), frozenset(of_owner))
        world.acts.append(act)
        try:
            came = await way(str(act.number))
        except (InvalidRequest, InvalidTransition, StoreError) as error:
            act.error = str(error)
            return
        act.ended = world.moment()
        if isinstance(came, Issued):
            act.records, act.made = (came.record,), came.record.key_id
            world.texts[act.made] = came.plaintext
        elif isinstance(came, Rotated):
            act.records = came.predecessor, came.successor
            if came.plaintext is not None:
                act.made = came.successor.key_id
                world.texts[act.made] = came.plaintext
        elif isinstance(came, RevokedKeys):
            act.records, act.left = tuple(came), len(came.left)
        else:
            act.records = (came,)
