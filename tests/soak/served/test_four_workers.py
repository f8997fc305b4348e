"""Four processes of the service on PostgreSQL and Valkey: they are killed, and then both servers are restarted."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.lengths import length
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey
from tests.soak.served.callers import Caller, calling
from tests.soak.served.fleet import fleet
from tests.soak.served.ledger import Kept, Key, Ledger, Verdict, Window, witnesses

from secretsource.issuing import ApiKeys

if TYPE_CHECKING:
    from pathlib import Path

EVERY, KILLS = length(1.5, 5.0), length(3, 12)
"""Seconds between two processes that are killed, and how many are."""
AFTERWARDS = length(3.0, 15.0)
"""Seconds of calls after both servers came back."""
TTL = length(2.0, 5.0)
"""Seconds for which a record is used; the bound of a revocation, also while news gets lost."""
PEPPER = "no key is checked here"


def kept_by(url: str) -> Kept:
    """What the store has, and its feed of events."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    issued, revoked = Counter[str](), Counter[str]()
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        page = keys.list(owner="acme", limit=1000)
        while True:
            for record in page.records:
                named[record.name].append(record.key_id)
            if page.next is None:
                break
            page = keys.list(owner="acme", limit=1000, after=page.next)
        after = None
        while events := keys.history(after=after, limit=1000):
            issued.update(event.id for event in events if event.kind.value == "issued")
            revoked.update(event.id for event in events if event.kind.value == "revoked")
            after = events[-1].position
    return Kept(named, issued, revoked)


@pytest.mark.timeout(400)
def test_a_service_keeps_its_promises_while_its_parts_are_killed(open_folder: Path) -> None:
    """No revoked key is accepted beyond the bound, no issue and no event is lost, and a repeat makes no second key.

    A refusal of the service itself (5xx) is a 503, and only while a server is away.
    """
    ledger = Ledger()
    with postgres(synchronous_commit="on") as database, valkey() as redis:
        with fleet(open_folder, database.url, redis.url, TTL) as service:
            with closing(Caller(service.port, service.root, ledger, 0)) as first:
                first.until({200}, "GET", "/v1/keys")
            ledger.cut.clear()
            with calling(service.port, service.root, ledger):
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
                ledger.windows.append(Window(began, time.monotonic()))
                time.sleep(AFTERWARDS)
            assert service.stop() == 0
        kept = kept_by(database.url)
        lost = [sentence for witness in witnesses for sentence in witness(ledger, database.url)]
    print(f"\n{service.kills} processes killed, both servers restarted; {ledger}")
    assert [*ledger.broken(kept, TTL), *lost] == []
    assert service.kills == KILLS
    assert len(ledger.keys) > 10
    assert sum(key.revoked is not None for key in ledger.keys) > 3
    assert {"accepted", "invalid_key"} <= {verdict.code for verdict in ledger.verdicts}


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
    told = ledger.broken(Kept({"one": ["a"], "two": ["b"]}, {"a": 1, "b": 2}, {}), 2.0)
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
    ]
    lost = Ledger(keys=[Key("e", "text")])
    assert lost.broken(Kept({}, {}, {}), 2.0) == ["e was issued, and is lost", "e has 0 events of its issue"]
