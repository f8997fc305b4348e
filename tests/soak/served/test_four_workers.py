"""Four processes of the service on PostgreSQL and Valkey: they are killed, and then both servers are restarted."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.lengths import length
from tests.server.webhooks.receiver import receiving, signing_secret
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey
from tests.soak.served.callers import Caller, calling
from tests.soak.served.deliveries import TYPES, Delivery, Endpoint, broken
from tests.soak.served.fleet import fleet
from tests.soak.served.ledger import Happening, Kept, Key, Ledger, Verdict, Window

from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.server.errands import Errands
from secretsource.server.outgoing.figures import WebhookFigures
from secretsource.server.rights import ROOT_OWNER
from secretsource.server.webhooks.endpoint import endpoint_worker
from secretsource.server.webhooks.events import queue_of
from secretsource.server.webhooks.settings import WebhookSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.postgres import Postgres
    from tests.servers.valkey import Valkey
    from tests.soak.served.fleet import Fleet

EVERY, KILLS = length(1.5, 5.0), length(3, 12)
"""Seconds between two processes that are killed, and how many are."""
AFTERWARDS = length(3.0, 15.0)
"""Seconds of calls after both servers came back."""
ENOUGH_WITHIN = 120.0
"""Further seconds of calls on a busy machine, until there is enough to judge."""
TTL = length(2.0, 5.0)
"""Seconds for which a record is used; the bound of a revocation, also while news gets lost."""
PEPPER = "no key is checked here"
ARRIVING = length(0.0, 90.0)
"""Seconds for the last webhooks to arrive from the service itself; what still waits then is sent by a later process."""
HOOKS = """
[[server.webhooks]]
name = "soak"
url = "{url}"
secret = "HOOK"
events = {events}
private = true
"""


def kept_by(url: str) -> Kept:
    """What the store has, and its feed of events."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    feed: list[Happening] = []
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        page = keys.list(owner="acme", limit=1000)
        while True:
            for record in page.records:
                before = record.predecessor
                named[record.name if before is None else f"after {before}"].append(record.key_id)
            if page.next is None:
                break
            page = keys.list(owner="acme", limit=1000, after=page.next)
        after = None
        while events := keys.history(after=after, limit=1000):
            feed += [
                Happening(each.position, each.subject, each.id, each.revision, each.kind.value)
                for each in events
                if each.owner != ROOT_OWNER  # the root key is older than the place of the endpoint in the feed
            ]
            after = events[-1].position
    return Kept(named, feed)


def arrived(url: str) -> bool:
    """Wait until no webhook waits, for some time; return whether none does."""
    deadline = time.monotonic() + ARRIVING
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        assert keys.outbox is not None
        while (waits := keys.outbox.backlog("webhook:soak").waiting) and time.monotonic() < deadline:
            time.sleep(0.2)
    return not waits


async def sent_later(url: str, endpoint: WebhookSettings) -> None:
    """Send what still waits, as a process does whose clock moves on until nothing waits: refused messages, too."""
    keys = await AsyncApiKeys.open(url, peppers=[PEPPER])
    assert keys.outbox is not None
    worker = endpoint_worker(endpoint, keys, keys.outbox, Errands(), WebhookFigures())
    later, waits = 0.0, True
    worker._clock = lambda: time.time() + later
    try:
        while waits:
            later += 1000.0
            await worker.empty()
            waits = (await keys.outbox.backlog(queue_of(endpoint.name))).waiting > 0
    finally:
        worker._close()
        await keys.close()


def fire(service: Fleet, database: Postgres, redis: Valkey) -> Window:
    """Kill processes of a service one after the other, and then restart both servers behind it."""
    for number in range(KILLS):
        time.sleep(EVERY)
        service.kill_one(number)
    time.sleep(EVERY)
    began = time.monotonic()
    database.stop()
    redis.kill()
    time.sleep(0.5)
    database.start()
    redis.start()
    return Window(began, time.monotonic())


@pytest.mark.timeout(500)
def test_a_service_keeps_its_promises_while_its_parts_are_killed(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No revoked key is accepted beyond the bound; no issue, event or webhook is lost; a repeat makes no second key.

    A refusal of the service itself (5xx) is a 503, and only while a server is away. The endpoint of webhooks refuses
    some messages. Each change arrives there, under one identifier, and nothing else does.
    """
    monkeypatch.setenv("HOOK", signing_secret())
    ledger = Ledger()
    with postgres(synchronous_commit="on") as database, valkey() as redis, receiving() as receiver:
        endpoint = Endpoint(receiver, signing_secret())
        settings = WebhookSettings("soak", receiver.url, "HOOK", tuple(TYPES.values()), private=True)
        hooks = HOOKS.format(url=receiver.url, events=list(TYPES.values()))
        with fleet(open_folder, database.url, redis.url, TTL, hooks) as service:
            with closing(Caller(service.port, service.root, ledger, 0)) as first:
                first.until({200}, "GET", "/v1/keys")
            ledger.cut.clear()
            with calling(service.port, service.root, ledger):
                ledger.windows.append(fire(service, database, redis))
                time.sleep(AFTERWARDS)
                enough = time.monotonic() + ENOUGH_WITHIN
                while not ledger.has_enough and time.monotonic() < enough:
                    time.sleep(0.1)
            assert arrived(database.url) or ARRIVING == 0
            assert service.stop() == 0
        asyncio.run(sent_later(database.url, settings))
        kept = kept_by(database.url)
    print(f"\n{service.kills} processes killed, both servers restarted; {ledger}; {endpoint}")
    assert [*ledger.broken(kept, TTL), *broken(endpoint.deliveries, kept.events, ledger.told())] == []
    assert service.kills == KILLS
    assert ledger.has_enough
    assert {"accepted", "invalid_key"} <= {verdict.code for verdict in ledger.verdicts}
    assert {204, 500} == {each.status for each in endpoint.deliveries}


def test_what_is_refused_at_the_end_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judgement asks for each message, also for those that the endpoint sees after the service has stopped."""
    monkeypatch.setenv("HOOK", signing_secret())
    url = f"sqlite:///{tmp_path}/keys.db"
    with receiving() as receiver, ApiKeys.open(url, peppers=[PEPPER]) as keys:
        endpoint = Endpoint(receiver, signing_secret())
        settings = WebhookSettings("soak", receiver.url, "HOOK", tuple(TYPES.values()), private=True)
        assert keys.outbox is not None
        keys.outbox.begin(queue_of("soak"))
        for _ in range(60):  # of 20, none would be refused in one run of 3,000
            keys.issue(owner="acme", prefix="sk")
        asyncio.run(sent_later(url, settings))
    assert {204, 500} == {each.status for each in endpoint.deliveries}
    assert sum(each.is_taken for each in endpoint.deliveries) == 60


def test_each_broken_promise_is_told() -> None:
    """By the judgement itself, on a ledger that breaks each one."""
    good = Key("a", "text")
    gone = Key("b", "text", revoking=10.0, revoked=11.0)
    ledger = Ledger(keys=[good, gone], windows=[Window(50.0, 51.0)])
    for token, ids, texts in (("one", {"a"}, ["x"]), ("two", {"b", "c"}, ["x"]), ("three", {"d"}, ["x", "y"])):
        ledger.tokens[token] |= ids
        ledger.texts[token] += texts
    ledger.verdicts += [
        Verdict(key_id, asked, asked + 0.1, code)
        for key_id, asked, code in (
            ("b", 10.5, "accepted"), ("b", 12.9, "accepted"), ("b", 14.0, "accepted"), ("b", 9.95, "invalid_key"),
            ("b", 9.0, "invalid_key"), ("a", 20.0, "unavailable"), ("a", 50.5, "unavailable"),
        )
    ]  # fmt: skip
    ledger.failures += [(20.0, 503, "GET /a"), (50.5, 503, "GET /b"), (50.5, 500, "GET /c")]
    ledger.rotated.append("a")
    events = [Happening(number, "key", id, number, "issued") for number, id in enumerate("abb", 1)]
    told = ledger.broken(Kept({"one": ["a"], "two": ["b"]}, events), 2.0)
    assert told == [
        "b was accepted 3.00 s after its revocation was answered",
        "b was refused (invalid_key) before anybody revoked it",
        "a could not be checked while both servers were there",
        "GET /a was answered 503",
        "GET /c was answered 500",
        "the request two made more than one key, or gave its text twice",
        "the request three made more than one key, or gave its text twice",
        "b has 2 events of its issue",
        "b has 0 events of its revocation",
        "a has 0 events of its rotation",
    ]
    lost = Ledger(keys=[Key("e", "text")])
    assert lost.broken(Kept({}, []), 2.0) == ["e was issued, and is lost", "e has 0 events of its issue"]


def delivery(name: str, happening: Happening, status: int = 204, when: str = "2026-01-01T00:00:00Z") -> Delivery:
    """A message that tells of an event."""
    event = {**happening._asdict(), "happened_at": when}
    return Delivery(name, json.dumps({"data": {"event": event}}), status)


def test_each_broken_promise_of_webhooks_is_told() -> None:
    """By the judgement itself, on deliveries that break each one, and on those that break none."""
    issued, rotated = Happening(1, "key", "a", 1, "issued"), Happening(2, "key", "a", 2, "rotated")
    revoked, resumed = Happening(3, "key", "a", 3, "revoked"), Happening(4, "owner", "o", 2, "resumed")
    feed, told = [issued, rotated, revoked, resumed], [("a", "key.issued"), ("a", "key.revoked")]
    good = [delivery("m3", revoked), delivery("m1", issued, 500), delivery("m1", issued), delivery("m2", rotated)]
    assert broken(good, feed, told) == []
    assert broken(good[1:], feed, told) == [
        "the message key.revoked of a did not arrive",
        "a caller was told of a, and no message key.revoked was",
    ]
    assert broken([*good[:2], good[3]], feed, [])[0] == "the message key.issued of a did not arrive"
    later = "2027-01-01T00:00:00Z"
    made_up = delivery("m5", Happening(9, "key", "b", 1, "issued"))
    assert broken([*good, delivery("m6", issued), delivery("m2", rotated, when=later), made_up], feed, told) == [
        "the message m2 has 2 bodies",
        "the event issued of a has 2 messages",
        "a message tells of issued of b at revision 1, which did not happen or was not asked for",
        "the messages of a are in no order: issued, rotated, rotated, revoked",
    ]
    unwanted, unsigned = delivery("m4", resumed), good[0]._replace(status=401)
    assert [each.partition(" ")[2] for each in broken([*good, unwanted, unsigned], feed, told)] == [
        "message m3 is not signed by the secret",
        "message tells of resumed of o at revision 2, which did not happen or was not asked for",
    ]


@pytest.mark.parametrize("life", [("rotated", "issued"), ("revoked", "rotated")])
def test_a_life_in_no_order_is_told(life: tuple[str, str]) -> None:
    """A key begins with its issue, and ends with its revocation."""
    feed = [Happening(number, "key", "a", number, kind) for number, kind in enumerate(life, 1)]
    deliveries = [delivery(f"m{each.position}", each) for each in feed]
    assert broken(deliveries, feed, []) == [f"the messages of a are in no order: {', '.join(life)}"]
