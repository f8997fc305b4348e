"""Webhooks from a change to a receiver: signed as Standard Webhooks say, retried, and never lost."""

from __future__ import annotations

import asyncio
import json
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.server import gate
from tests.server.asgi_client import Client
from tests.server.webhooks.receiver import receiving, signing_secret

from secretsource.exceptions import StoreError
from secretsource.issuing.documents import record_document
from secretsource.server.app import Application, build, workers
from secretsource.server.outgoing import retries, worker
from secretsource.server.settings import ServerSettings
from secretsource.server.webhooks import endpoint, events, sending
from secretsource.server.webhooks.events import TYPES

if TYPE_CHECKING:
    from tests.server.webhooks.conftest import World

FIRST_PAUSE, LAST_PAUSE = retries.PAUSES[0], retries.PAUSES[-1]


def set_chance(monkeypatch: pytest.MonkeyPatch, chance: float = 0.5) -> None:
    """Draw the same number always; 0.5 leaves a pause as it is."""
    monkeypatch.setattr(worker.random, "random", lambda: chance)


async def test_a_change_is_told(world: World) -> None:
    """The library of receivers verifies it; it has the event and the key as the commands show them, and no secret."""
    await world.worker().empty()
    issued = await world.issue(name="robot", metadata={"team": "red"})
    revoked = await world.service.keys.revoke(issued.record.key_id, actor="ann", reason="left")
    await world.worker().empty()
    first, second = sorted(world.receiver.read(), key=lambda each: str(each["type"]))  # their order is not promised
    assert (first["type"], second["type"]) == ("key.issued", "key.revoked")
    assert second["data"]["key"] == record_document(revoked, 0.0)
    told = second["data"]["event"]
    assert (told["actor"], told["reason"], told["owner"], told["kind"]) == ("ann", "left", "acme", "revoked")
    assert second["timestamp"] == told["happened_at"]
    headers = world.receiver.seen[0][0]
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"].startswith("msg_")
    for _, body in world.receiver.seen:
        assert issued.plaintext.encode()[8:] not in body
        assert issued.record.hash.hex().encode() not in body
    assert await world.waiting() == []


async def test_every_type_is_told(world: World) -> None:
    """One change of each kind; the receiver is told of all types there are."""
    keys = world.service.keys
    await world.worker().empty()
    one, two, old = await world.issue(), await world.issue(), await world.issue(expires_in=60)
    await keys.report_leak(one.plaintext, source="scanner", place="a gist")
    rotated = await keys.rotate(two.record.key_id, overlap=3600)
    await keys.finish_rotation(two.record.key_id)
    await keys.check(two.plaintext, scope="x")
    await keys.flush()
    await keys.run_chores(expiring_within=3600)
    await keys.owners.put("acme")
    await keys.owners.suspend("acme")
    await keys.owners.resume("acme")
    await world.worker().empty()
    assert sorted({*world.receiver.kinds(), "owner.purged"}) == list(TYPES)
    exposed = next(each["data"]["event"] for each in world.receiver.read() if each["type"] == "key.exposed")
    assert (exposed["actor"], exposed["origin"]) == ("scanner", "a gist")
    expiring = next(each["data"]["key"] for each in world.receiver.read() if each["type"] == "key.expiring")
    assert expiring["key_id"] == old.record.key_id
    assert rotated.successor.key_id in [each["data"]["event"]["id"] for each in world.receiver.read()]
    suspended = next(each["data"]["owner"] for each in world.receiver.read() if each["type"] == "owner.suspended")
    assert suspended["owner"] == "acme"


async def test_a_purge_is_told_in_place_of_what_waits(world: World) -> None:
    """Messages about the owner are deleted with it; one says that it was purged, and names nothing more."""
    world.receiver.answer = lambda _: (500, {})
    await world.worker().empty()
    await world.issue()
    await world.worker().empty()
    world.receiver.answer = lambda _: (200, {})
    await world.issue(owner="other")
    await world.service.keys.purge(owner="acme")
    world.now += 10
    await world.worker().empty()
    later = world.receiver.read()[1:]
    assert sorted((each["type"], each["data"]["event"]["owner"]) for each in later) == [
        ("key.issued", "other"), ("owner.purged", "acme"),
    ]  # fmt: skip
    assert [each["data"]["owner"] for each in later if each["type"] == "owner.purged"] == [None]


async def test_what_happened_before_is_not_told(world: World) -> None:
    """An endpoint hears of what happens after a worker first looked; from then on it misses nothing."""
    await world.issue()
    await world.worker().empty()
    assert world.receiver.seen == []
    await world.issue()
    await world.issue()
    await world.worker().empty()
    assert world.receiver.kinds() == ["key.issued"] * 2


async def test_an_endpoint_hears_of_its_types(world: World) -> None:
    """Other events move its place on, and make no message."""
    await world.worker(events=("key.revoked",)).empty()
    issued = await world.issue()
    await world.service.keys.revoke(issued.record.key_id)
    await world.worker(events=("key.revoked",)).empty()
    assert world.receiver.kinds() == ["key.revoked"]


async def test_many_events_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are read at once, and more than are sent at once."""
    from secretsource.server.webhooks import feeding

    monkeypatch.setattr(feeding, "PAGE", 3)
    await world.worker().empty()
    for _ in range(10):
        await world.issue()
    await world.worker().empty()
    assert len(set(world.receiver.ids())) == len(world.receiver.ids()) == 10


async def test_many_other_events_hold_up_no_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look passes all of them, although they make no message."""
    from secretsource.server.webhooks import feeding

    monkeypatch.setattr(feeding, "PAGE", 3)
    await world.worker(events=("key.revoked",)).empty()
    issued = [await world.issue() for _ in range(10)][-1]
    await world.service.keys.revoke(issued.record.key_id)
    await world.worker(events=("key.revoked",)).empty()
    assert world.receiver.kinds() == ["key.revoked"]


async def test_a_rotated_secret_signs_beside_the_new_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While both are valid, both sign: a receiver that knows either one verifies the message."""
    await world.worker().empty()
    await world.issue()
    new, old = signing_secret("n"), signing_secret("o")
    monkeypatch.setattr(sending, "get_secret_set", lambda name: [new, old] if name == "HOOK" else [])
    await world.worker().empty()
    assert len(world.receiver.seen[0][0]["webhook-signature"].split(" ")) == 2
    assert world.receiver.read(new) == world.receiver.read(old)
    with pytest.raises(Exception, match="No matching signature"):
        world.receiver.read(signing_secret("x"))


@pytest.mark.parametrize(
    "secret", [None, "", "s" * 32, "whsec_", "whsec_ä", "whsec_c2hvcnQ=", "whsec_" + "A" * 92, "whsec_!!!!"]
)
async def test_without_a_good_secret_nothing_is_sent(
    world: World, secret: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The trouble names the endpoint, and no secret; the message waits until there is one."""
    set_chance(monkeypatch)
    await world.worker().empty()
    await world.issue()
    if secret is None:
        monkeypatch.setattr(
            sending, "get_secret_set", lambda _: (_ for _ in ()).throw(sending.SecretSourceError("gone"))
        )
    else:
        monkeypatch.setattr(sending, "get_secret_set", lambda _: [secret])
    await world.worker().empty()
    assert world.receiver.seen == []
    (waiting,) = await world.waiting()
    assert waiting.trouble.startswith("webhooks for shop cannot be signed: ")
    shown = waiting.trouble + caplog.text
    assert not (secret and len(secret) > 7 and secret in shown)
    monkeypatch.undo()
    monkeypatch.setenv("HOOK", signing_secret())
    world.now += FIRST_PAUSE * 2
    await world.worker().empty()
    assert world.receiver.kinds() == ["key.issued"]


async def test_a_failure_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same identifier and body, a new time and signature, after growing pauses; then it is given up."""
    set_chance(monkeypatch)
    await world.worker().empty()
    await world.issue()
    world.receiver.answer = lambda _: (503, {})
    for attempt, pause in enumerate((*retries.PAUSES, 0.0), 1):
        await world.worker().empty()
        assert len(world.receiver.seen) == attempt
        (waiting,) = await world.waiting()
        assert waiting.trouble == "the endpoint answered 503"
        world.now += pause - 0.001
        await world.worker().empty()
        assert len(world.receiver.seen) == attempt
        world.now += 0.002
    (given_up,) = await world.outbox.list("webhook:shop", given_up=True)
    assert given_up.attempts == len(retries.PAUSES) + 1
    assert 86_400 < sum(retries.PAUSES) < 2 * 86_400
    assert len({*world.receiver.ids()}) == len({body for _, body in world.receiver.seen}) == 1


async def test_what_was_given_up_can_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """410 ends it at once, and the log says so; a second beginning has all attempts."""
    set_chance(monkeypatch)
    await world.worker().empty()
    await world.issue()
    world.receiver.answer = lambda _: (410, {})
    await world.worker().empty()
    (given_up,) = await world.outbox.list("webhook:shop", given_up=True)
    assert f"message {given_up.id} of the queue webhook:shop was given up: the endpoint answered 410" in caplog.text
    world.receiver.answer = lambda number: (500 if number == 2 else 200, {})
    assert await world.outbox.resend("webhook:shop", world.now) == 1
    await world.worker().empty()
    world.now += FIRST_PAUSE
    await world.worker().empty()
    assert world.receiver.ids() == [given_up.id] * 3
    assert await world.waiting() == []


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 408, 409, 413, 429, 500, 502])
async def test_other_answers_are_tried_again(world: World, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of the receiver may be mended within the day; a redirect is one, and is not followed."""
    set_chance(monkeypatch)
    await world.worker().empty()
    await world.issue()
    world.receiver.answer = lambda _: (status, {"Location": world.receiver.url})
    await world.worker().empty()
    (waiting,) = await world.waiting()
    assert waiting.due == world.now + FIRST_PAUSE
    assert waiting.trouble.startswith(f"the endpoint answered {status}")
    assert len(world.receiver.seen) == 1


@pytest.mark.parametrize(
    ("asked", "wait"),
    [("1", 5.0), ("90", 90.0), ("999999", 36_000.0), ("soon", 5.0), ("-5", 5.0), ("9" * 30, 5.0), ("٣", 5.0)],
)
async def test_the_receiver_may_ask_for_a_pause(
    world: World, asked: str, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Retry-After` in seconds lengthens the pause, up to ten hours."""
    set_chance(monkeypatch)
    await world.worker().empty()
    await world.issue()
    world.receiver.answer = lambda _: (429, {"Retry-After": asked.encode().decode("latin-1")})
    await world.worker().empty()
    (waiting,) = await world.waiting()
    assert waiting.due == world.now + wait


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
async def test_pauses_are_spread(world: World, chance: float, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """By up to a fifth, so that messages that failed together do not come back together."""
    set_chance(monkeypatch, chance)
    await world.worker().empty()
    await world.issue()
    world.receiver.answer = lambda _: (500, {})
    await world.worker().empty()
    (waiting,) = await world.waiting()
    assert waiting.due == pytest.approx(world.now + pause)


async def test_an_endpoint_inside_needs_leave(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `private`, an address that stands for this machine is not asked."""
    set_chance(monkeypatch)
    await world.worker(private=False).empty()
    await world.issue()
    await world.worker(private=False).empty()
    (waiting,) = await world.waiting()
    assert waiting.trouble == "127.0.0.1 was not asked: it is in a network that is not public"
    assert world.receiver.seen == []


async def test_a_process_killed_before_it_sends_loses_nothing(world: World) -> None:
    """Whether it had taken the message or not: another one sends it, as soon as the turn is over."""
    await world.worker().empty()
    await world.issue()  # and the process is killed
    dying = world.worker()
    await dying._refill()
    (taken,) = await world.outbox.take("webhook:shop", world.now, world.now + worker.TURN, 4)  # and is killed again
    await world.worker().empty()
    assert world.receiver.seen == []
    world.now += worker.TURN
    await world.worker().empty()
    assert world.receiver.ids() == [taken.id]


async def test_a_process_killed_after_it_sent_sends_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least once: the identifier is the same, so that the receiver can tell."""
    await world.worker().empty()
    await world.issue()
    dying = world.worker()

    async def killed(*_: Any) -> Any:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(dying._outbox, "settle", killed)
        with pytest.raises(asyncio.CancelledError):
            await dying.empty()
    world.now += worker.TURN
    await world.worker().empty()
    assert len(world.receiver.seen) == 2
    assert len(set(world.receiver.ids())) == 1


async def test_several_workers_send_once(world: World) -> None:
    """Of any number of processes one makes the messages, and each message is sent by one."""
    await world.worker().empty()
    several = [world.worker() for _ in range(4)]
    for _ in range(20):
        await world.issue()
    await asyncio.gather(*(each.empty() for each in several))
    assert [each.trouble for each in await world.waiting()] == []
    assert len(world.receiver.ids()) == len(set(world.receiver.ids())) == 20


async def test_a_dead_endpoint_holds_up_no_other(world: World) -> None:
    """While one does not answer, the others receive."""
    answered = asyncio.Event()
    with receiving() as dead:
        loop = asyncio.get_running_loop()
        dead.answer = lambda _: asyncio.run_coroutine_threadsafe(_reply(answered), loop).result()
        stuck = world.worker("dead", url=dead.url)
        for each in (stuck, world.worker()):
            await each.empty()
        for _ in range(10):
            await world.issue()
        hanging = asyncio.ensure_future(stuck.empty())
        await world.worker().empty()
        assert len(world.receiver.seen) == 10
        assert not hanging.done()
        answered.set()
        await hanging
    assert len(dead.seen) == 10


async def _reply(answered: asyncio.Event) -> tuple[int, dict[str, str]]:
    await answered.wait()
    return 200, {}


async def test_a_store_that_is_down_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The trouble is logged once, and nothing is lost when the store is back; a defect does not end the work."""
    await world.worker().empty()
    await world.issue()
    working = world.worker()
    failures: list[Exception] = [StoreError("down"), StoreError("down"), RuntimeError("canary-7c0e")]
    pauses = 0

    async def broken() -> None:
        if failures:
            raise failures.pop(0)
        await refill()

    async def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        if world.receiver.seen:
            working.end()

    refill = working._refill
    monkeypatch.setattr(working, "_refill", broken)
    monkeypatch.setattr(world.service.errands, "pause", pause)
    working.begin()
    while world.service.errands._under_way:
        await asyncio.sleep(0.001)
    assert pauses == 4
    assert caplog.text.count("the queue webhook:shop waits: down") == 1
    assert caplog.text.count("the queue webhook:shop waits: RuntimeError") == 1
    assert "canary" not in caplog.text
    assert world.receiver.kinds() == ["key.issued"]


async def test_old_messages_are_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 30 days, given up or not, once an hour."""
    set_chance(monkeypatch)
    working = world.worker()
    assert await working._try() == ""
    await world.issue()
    world.receiver.answer = lambda _: (410, {})
    assert await working._try() == ""
    made = (await world.waiting())[0].made
    world.now = made + worker.LASTS
    await working._try()
    assert len(await world.waiting()) == 1
    world.now += worker.TIDY_EVERY
    await working._try()
    assert await world.waiting() == []


async def test_a_clock_that_is_set_back_stops_no_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may start with a clock that is a year ahead; what is done now and then is done before it has passed."""
    set_chance(monkeypatch)
    today, working = world.now, world.worker()
    world.now += 365 * 86400
    monkeypatch.setattr(endpoint, "time", SimpleNamespace(time=lambda: world.now))
    assert await working._try() == ""
    world.now = today
    await world.issue()
    world.receiver.answer = lambda _: (500, {})
    assert await working._try() == ""
    figures = (await Client(build(world.service))("GET", "/metrics")).body.decode()
    assert 'secretsource_webhook_waiting{endpoint="shop"} 1.0' in figures
    world.now = (await world.waiting())[0].made + worker.LASTS + worker.TIDY_EVERY
    assert await working._try() == ""
    assert await world.waiting() == []


async def test_the_figures_tell_what_was_sent_and_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By endpoint and outcome; the lag is that of the oldest message."""
    await world.worker().empty()
    await world.issue()
    world.receiver.answer = lambda number: ((500, 410, 200)[number - 1], {})
    await world.worker().empty()
    world.now += 10
    await world.worker().empty()
    await world.issue()
    await world.worker().empty()
    figures = (await Client(build(world.service))("GET", "/metrics")).body.decode()
    for outcome in ("sent", "failed", "given_up"):
        assert f'secretsource_webhook_messages_total{{endpoint="shop",outcome="{outcome}"}} 1.0' in figures
    assert 'secretsource_webhook_waiting{endpoint="shop"} 1.0' in figures
    lag = float(figures.split('secretsource_webhook_lag_seconds{endpoint="shop"} ')[1].split("\n")[0])
    assert 0 <= lag < 60


async def test_the_service_works_from_its_start_to_its_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """With settings that are read again, another endpoint takes over; a stop ends the work; no log has an address."""
    caplog.set_level(logging.INFO)
    settings = ServerSettings(webhooks=(world.endpoint(),))
    service = gate.service(world.store, webhooks=settings.webhooks)

    async def opened(_: ServerSettings) -> Any:
        return service

    with receiving() as other:
        later = ServerSettings(webhooks=(world.endpoint("crm", url=other.url),))
        app = Application(settings, opened, lambda: later)
        await app.start()
        while not (await service.keys.outbox.list()) and not world.receiver.seen:  # type: ignore[union-attr]
            await service.keys.issue(owner="acme")
            await asyncio.sleep(0.05)
        await asyncio.to_thread(world.receiver.wait_for, 1)
        app.reload()
        while not other.seen:
            await service.keys.issue(owner="acme")
            await asyncio.sleep(0.05)
        await app.stop()
    assert {json.loads(body)["type"] for _, body in other.seen} == {"key.issued"}
    assert world.receiver.url.partition("?")[2] not in caplog.text


async def test_an_endpoint_is_told_of_the_first_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place in the feed is from before the service answers, however late its worker looks."""
    service = gate.service(world.store, webhooks=(world.endpoint(),))

    async def opened(_: ServerSettings) -> Any:
        return service

    monkeypatch.setattr("secretsource.server.app.workers", lambda _: ())
    app = Application(service.settings, opened, lambda: service.settings)
    await app.start()
    issued = await service.keys.issue(owner="acme")
    place = await service.keys.outbox.begin(events.queue_of("shop"))  # type: ignore[union-attr]
    assert [each.id for each in await service.keys.history(after=place)] == [issued.record.key_id]
    await app.stop()


def test_a_store_without_an_outbox_is_refused(world: World) -> None:
    """The message says what to use; without webhooks, it is not needed."""
    service = gate.service(world.store)
    service.keys.outbox = None
    assert list(workers(service)) == []
    with_hooks = gate.service(world.store, webhooks=(world.endpoint(),))
    with_hooks.keys.outbox = None
    with pytest.raises(Exception, match="the store has no outbox for webhooks: use a store in SQLite or PostgreSQL"):
        workers(with_hooks)


def test_an_event_of_a_plan_makes_no_message() -> None:
    """Nor do changes that receivers are not told of."""
    from secretsource.issuing import EventKind, OwnerEventKind
    from secretsource.stores.base import HistoryEvent

    for subject, kind in (
        ("plan", OwnerEventKind.SUSPENDED),
        ("key", EventKind.UPDATED),
        ("key", OwnerEventKind.PURGED),
    ):
        assert events.type_of(HistoryEvent(1, subject, "x", 1, kind, 0.0)) is None
