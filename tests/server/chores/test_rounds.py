"""The rounds of chores of a serving process. Time passes only when a test says so."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from tests.server import gate
from tests.server.asgi_client import Client

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import ChoreReport
from secretsource.server.app import Application, build, workers
from secretsource.server.chores import rounds
from secretsource.server.chores.figures import LastRound
from secretsource.server.chores.rounds import AT_ONCE, ChoreRounds
from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.errands import Errands
from secretsource.server.settings import ServerSettings
from secretsource.server.webhooks.endpoint import endpoint_worker
from secretsource.server.webhooks.settings import WebhookSettings
from secretsource.stores.memory import MemoryStore
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.server.service import Service

DAY = 86400.0


class Paused(Errands):
    """Errands whose pauses end when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: asyncio.Queue[float] = asyncio.Queue()
        self._over: asyncio.Queue[None] = asyncio.Queue()

    async def pause(self, seconds: float, *ends: asyncio.Event) -> None:
        """Note the pause, and wait for the test, or for an end of the pause."""
        self.pauses.put_nowait(seconds)
        waits = (self._over.get(), *(end.wait() for end in (self._ending, *ends)))
        waiting = [asyncio.ensure_future(wait) for wait in waits]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()

    async def next(self) -> float:
        """Return the length of the pause that begins next."""
        return await asyncio.wait_for(self.pauses.get(), 10)

    def pass_by(self) -> None:
        """End the pause."""
        self._over.put_nowait(None)


class World:
    """A service whose rounds a test leads."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.errands = Paused()
        self.service: Service = gate.service(MemoryStore(), clock=self.clock)
        self.keys: Any = self.service.keys
        self.chances = 0.5
        self.rounds = self.with_settings(**settings)

    def with_settings(self, **settings: Any) -> ChoreRounds:
        """Rounds with these settings."""
        return ChoreRounds(
            self.keys,
            ChoreSettings(**settings),
            self.errands,
            self.service.chores,
            clock=lambda: self.clock.now().wall,
            chance=lambda: self.chances,
        )

    async def round(self) -> LastRound:
        """Let the pause pass that is under way, and return the round behind it; the next pause has begun."""
        self.errands.pass_by()
        await self.errands.next()
        last = self.service.chores.last
        assert last is not None
        return last

    async def kinds(self, key_id: str) -> list[str]:
        """The events of a key."""
        return [event.kind.value for event in await self.keys.events(key_id)]

    async def figures(self) -> str:
        """The figures as Prometheus gets them."""
        return (await Client(build(self.service))("GET", "/metrics")).body.decode()


# What a round does


async def test_a_round_tells_ends_and_deletes_by_the_settings() -> None:
    """The notice is told once, nobody runs anything, and the events name the chores as their author."""
    world = World(end_unused=200 * DAY, keep_ended=100 * DAY)
    ending = (await world.keys.issue(owner="acme", expires_in=40 * DAY)).record.key_id
    lasting = (await world.keys.issue(owner="acme")).record.key_id
    world.rounds.begin()
    await world.errands.next()
    assert (await world.round()).report == ChoreReport(2, {}, 0, 0, True)
    world.clock.advance(10 * DAY + 1)
    assert await world.round() == LastRound(world.clock.now().wall, ChoreReport(2, {"expiring": 1}, 0, 0, True))
    assert (await world.round()).report == ChoreReport(2, {}, 0, 0, True)
    assert await world.kinds(ending) == ["issued", "expiring"]
    world.clock.advance(190 * DAY)
    assert (await world.round()).report == ChoreReport(2, {}, 1, 1, True)
    assert (await world.keys.events(lasting))[-1].actor == "chores"
    await world.errands.finish(30)


async def test_a_round_reaches_the_last_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on, some keys at a time, until it has seen all."""
    monkeypatch.setattr(rounds, "AT_ONCE", 2)
    world = World()
    for number in range(5):
        await world.keys.issue(owner=f"o{number}", expires_in=10 * DAY)
    world.rounds.begin()
    await world.errands.next()
    assert (await world.round()).report == ChoreReport(5, {"expiring": 5}, 0, 0, True)
    await world.errands.finish(30)


async def test_a_webhook_of_a_key_that_expires_goes_out_by_itself() -> None:
    """The round writes the event, and the endpoint has a message of it."""
    world = World()
    outbox = world.keys.outbox
    hook = WebhookSettings("shop", "https://shop.example/", "HOOK", ("key.expiring",))
    worker = endpoint_worker(hook, world.keys, outbox, world.errands, world.service.webhooks)
    await worker._refill()
    await world.keys.issue(owner="acme", expires_in=10 * DAY)
    world.rounds.begin()
    await world.errands.next()
    await world.round()
    await worker._refill()
    (message,) = await outbox.list("webhook:shop")
    assert json.loads(message.body)["type"] == "key.expiring"
    worker._close()
    await world.errands.finish(30)


async def test_one_process_at_a_time_does_the_chores() -> None:
    """While another process has the turn, the round does nothing; it is no failure."""
    world = World()
    await world.keys.issue(owner="acme", expires_in=10 * DAY)
    now = world.clock.now().wall
    upkeep = world.keys._store.upkeep
    assert await upkeep.take("another", now, now + 60) == ""
    world.rounds.begin()
    await world.errands.next()
    assert (await world.round()).report == ChoreReport(busy=True)
    assert 'secretsource_chores_rounds_total{outcome="busy"} 1.0' in await world.figures()
    await upkeep.leave("another", "")
    assert (await world.round()).report == ChoreReport(1, {"expiring": 1}, 0, 0, True)
    await world.errands.finish(30)


# When


@pytest.mark.parametrize(
    ("chance", "every", "first", "later"),
    [(0.0, 3600.0, 60.0, 3240.0), (0.5, 3600.0, 90.0, 3600.0), (1.0, 100.0, 120.0, 110.0)],
)
async def test_pauses_are_spread(chance: float, every: float, first: float, later: float) -> None:
    """The first round comes a minute or two after the start; the others a tenth sooner or later than asked."""
    world = World(every=every)
    world.chances = chance
    world.rounds.begin()
    assert await world.errands.next() == pytest.approx(first)
    world.errands.pass_by()
    assert await world.errands.next() == pytest.approx(later)
    await world.errands.finish(30)


async def test_rounds_can_be_switched_off() -> None:
    """With 0, the service has no work beside the requests; by default it has the rounds."""
    assert list(workers(gate.service(chores=ChoreSettings(every=0)))) == []
    (work,) = workers(gate.service(chores=ChoreSettings()))
    assert isinstance(work, ChoreRounds)


# Failures


async def test_a_round_that_fails_is_logged_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """In plain words; after a round that went well, the next failure is news again."""
    world = World()
    troubles: list[Exception | None] = [StoreError("db is down"), StoreError("db is down"), None, StoreError("again")]
    run: Callable[..., Any] = world.keys.run_chores

    async def fragile(**rules: Any) -> ChoreReport:
        trouble = troubles.pop(0)
        if trouble is not None:
            raise trouble
        return await run(**rules)  # type: ignore[no-any-return]

    world.keys.run_chores = fragile
    world.rounds.begin()
    await world.errands.next()
    assert [(await world.round()).report is None for _ in range(4)] == [True, True, False, True]
    assert [record.message for record in caplog.records] == [
        f"a round of chores failed, and is tried again every 3600 seconds: {what}" for what in ("db is down", "again")
    ]
    assert 'secretsource_chores_rounds_total{outcome="failed"} 3.0' in await world.figures()
    await world.errands.finish(30)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(RuntimeError("canary-7c0e"), "RuntimeError"), (ConfigurationError("a Store has no chores"), "has no chores")],
)
async def test_no_error_ends_the_rounds(trouble: Exception, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """The text of an error that is not ours may hold anything, and is not logged."""
    world = World()

    async def broken(**_: Any) -> Any:
        raise trouble

    world.keys.run_chores = broken
    world.rounds.begin()
    await world.errands.next()
    assert (await world.round()).report is None
    assert said in caplog.text
    assert "canary" not in caplog.text
    await world.errands.finish(30)


# The end


async def test_a_stop_ends_a_round_between_two_runs() -> None:
    """The run that is under way comes to its end, and the rest is for another process; the log has no error."""
    world = World()
    begun, answered, runs = asyncio.Event(), asyncio.Event(), list[int]()

    async def slow(*, limit: int, **_: Any) -> ChoreReport:
        assert not runs
        runs.append(limit)
        begun.set()
        await answered.wait()
        return ChoreReport(limit, {"expiring": 1})

    world.keys.run_chores = slow
    world.rounds.begin()
    await world.errands.next()
    world.errands.pass_by()
    await begun.wait()
    stopping = asyncio.ensure_future(world.errands.finish(60))
    while not world.errands.is_ending:
        await asyncio.sleep(0)
    answered.set()
    await asyncio.wait_for(stopping, 30)
    assert runs == [AT_ONCE]
    assert world.service.chores.last is not None
    assert world.service.chores.last.report == ChoreReport(AT_ONCE, {"expiring": 1})
    assert 'secretsource_chores_rounds_total{outcome="stopped"} 1.0' in await world.figures()


async def test_a_stop_does_not_wait_for_a_store_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    """After its time, the run is cut short; each key is decided anew, so nothing is lost."""
    world = World()
    begun = asyncio.Event()

    async def hanging(**_: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    world.keys.run_chores = hanging
    world.rounds.begin()
    await world.errands.next()
    world.errands.pass_by()
    await begun.wait()
    await asyncio.wait_for(world.errands.finish(0.01), 30)
    assert "secretsource-chores was not finished before the service stopped" in caplog.text


async def test_requests_are_answered_during_a_round() -> None:
    """While the store works, the loop is free."""
    world = World()
    begun, answered = asyncio.Event(), asyncio.Event()
    run: Callable[..., Any] = world.keys.run_chores

    async def slow(**rules: Any) -> Any:
        begun.set()
        await answered.wait()
        return await run(**rules)

    world.keys.run_chores = slow
    world.rounds.begin()
    await world.errands.next()
    world.errands.pass_by()
    await begun.wait()
    assert (await Client(build(world.service))("GET", "/readyz")).status == 200
    answered.set()
    await world.errands.next()
    assert world.service.chores.last is not None
    await world.errands.finish(30)


async def test_settings_that_are_read_again_take_over_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """SIGHUP ends the pause of the rounds before, however long, and a new interval counts."""
    caplog.set_level(logging.INFO)
    service = gate.service(chores=ChoreSettings(every=DAY))
    object.__setattr__(service, "errands", errands := Paused())
    settings = service.settings

    async def opened(_: ServerSettings) -> Any:
        return service

    app = Application(settings, opened, lambda: ServerSettings(chores=ChoreSettings(every=100)))
    await app.start()
    assert 60 <= await errands.next() <= 120
    (before,) = errands._under_way
    app.reload()
    await asyncio.wait_for(before, 10)
    assert 60 <= await errands.next() <= 120
    errands.pass_by()
    assert 90 <= await errands.next() <= 110
    app._load = lambda: ServerSettings(chores=ChoreSettings(every=0))
    app.reload()
    while errands._under_way:
        await asyncio.sleep(0)
    await app.stop()


async def test_the_figures_tell_of_the_last_round_and_of_all() -> None:
    """The time of the last one that was done, the rounds by their outcome, and the keys by what was done."""
    world = World(end_unused=DAY)
    await world.keys.issue(owner="acme", expires_in=10 * DAY)
    assert "secretsource_chores_rounds_total{" not in await world.figures()
    world.rounds.begin()
    await world.errands.next()
    await world.round()
    then = world.clock.now().wall
    world.clock.advance(DAY)
    await world.round()
    figures = await world.figures()
    (line,) = [line for line in figures.splitlines() if line.startswith("secretsource_chores_last_round_timestamp")]
    assert float(line.split()[1]) == then + DAY
    assert 'secretsource_chores_rounds_total{outcome="done"} 2.0' in figures
    assert 'secretsource_chores_keys_total{what="expiring"} 1.0' in figures
    assert 'secretsource_chores_keys_total{what="revoked"} 1.0' in figures
    assert "acme" not in figures
    await world.errands.finish(30)
