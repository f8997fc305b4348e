"""The proof of the tests of faults: each fault of the list is put in, and the test that is named beside it fails.

A fault is put in by replacing one function of ours with what the faulty package did. Each test is first run here
without its fault, so that it is the fault, and not this way of running it, that makes it fail.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from hashlib import blake2b
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.integrations import test_asgi
from tests.issuing.check import test_shared_limits
from tests.issuing.check.test_shared_limits import server, workers
from tests.issuing.faults import test_faults

from secretsource.issuing import KeyFormat, LocalLimiter, Reason, Rejected, limits
from secretsource.issuing._check import policy
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.issuing._check.steps.comparison import Comparison
from secretsource.issuing._check.steps.records import Records
from secretsource.issuing._check.verifier import Verifier
from secretsource.issuing._http import reception
from secretsource.issuing._key import base62, hashing, lifecycle
from secretsource.issuing._manage.flushing.flushes import Flushes
from secretsource.limiters.base import Plan
from secretsource.stores.base import Status, Usage, Use
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from secretsource.issuing._check.entry import Entry
    from secretsource.stores.base import Change, KeyRecord

    Patch = pytest.MonkeyPatch

__all__ = ["server", "workers"]


# -- records and their store


def write_back_what_was_cached(patch: Patch) -> None:
    """The use of a key is stored by storing all of the record that the process has."""
    cached: dict[str, KeyRecord] = {}
    fill, record_uses = RecordCache.fill, MemoryStore.record_uses

    def remember(self: RecordCache, hashed: bytes, record: KeyRecord, *more: Any) -> Entry:
        cached.setdefault(record.key_id, record)
        return fill(self, hashed, record, *more)

    def store(self: MemoryStore, uses: Any) -> None:
        for use in uses:
            self._records[use.key_id] = cached[use.key_id]
        record_uses(self, uses)

    patch.setattr(RecordCache, "fill", remember)
    patch.setattr(MemoryStore, "record_uses", store)


def store_the_row_that_was_seen(patch: Patch) -> None:
    """A renewed hash is stored with all of the row that was in the cache, whatever the row is by now."""
    patch.setattr(MemoryStore, "_follows", lambda self, change: change.record.key_id in self._records)

    def rehash(self: Flushes, seen: KeyRecord, now: float) -> Any:
        change = lifecycle.rehash(seen._replace(revision=seen.revision - 1), seen.hash, seen.pepper_version, now)
        yield self._parts.store.update(change)
        return ()

    patch.setattr(Flushes, "_rehash", rehash)


def update_by_the_hash(patch: Patch) -> None:
    """The hash is the primary key, so the row to be rehashed is looked for under its new hash."""
    update = MemoryStore.update

    def where_hash_is(self: MemoryStore, change: Change) -> bool:
        row = self._records.get(change.record.key_id)
        return row is not None and row.hash == change.record.hash and update(self, change)

    patch.setattr(MemoryStore, "update", where_hash_is)


def add_to_what_was_read_before(patch: Patch) -> None:
    """Every second flush adds to the count that was there before the last one, as two that read at once do."""
    read: list[Mapping[str, Usage]] = []
    record_uses = MemoryStore.record_uses

    def read_modify_write(self: MemoryStore, uses: Any) -> None:
        if read:
            self._usage.update(read.pop())
        else:
            read.append({use.key_id: self._usage.get(use.key_id, Usage()) for use in uses})
        record_uses(self, uses)

    patch.setattr(MemoryStore, "record_uses", read_modify_write)


def store_each_use(patch: Patch) -> None:
    """The last use is written in the middle of the request."""
    note = Verifier._note

    def write(self: Verifier, entry: Entry, *more: Any) -> None:
        note(self, entry, *more)
        self._parts.store.record_uses([Use(entry.record.key_id, self._parts.clock.now().wall)])

    patch.setattr(Verifier, "_note", write)


def hold_the_row(patch: Patch) -> None:
    """The record is read under a lock that is let go of only after its hash was compared."""
    read = Records.read

    def locked(self: Any, *question: Any) -> Generator[Any, Any, Any]:
        with self._parts.store._lock:
            found = yield from read(self, *question)
        return found

    patch.setattr(Records, "read", locked)


# -- the text of a key and its hash


def hash_the_beginning(patch: Patch) -> None:
    """The lookup hash has 32 bits, and looks at the first characters only."""

    def keyed(block: bytes) -> Callable[[str], bytes]:
        return lambda text: blake2b(text[:64].encode(), digest_size=4, key=block).digest()

    patch.setattr(hashing, "_keyed", keyed)


def answer_the_state_first(patch: Patch) -> None:
    """A key that is over is told so before its secret was looked at."""
    compare = Comparison.compare

    def state_first(self: Comparison, presented: Any, record: KeyRecord) -> Rejected | None:
        over = record.status_at(self._parts.clock.now().wall) in {Status.REVOKED, Status.DISABLED, Status.EXPIRED}
        return Rejected(Reason.REVOKED, record) if over else compare(self, presented, record)

    patch.setattr(Comparison, "compare", state_first)


def count_wrong_secrets(patch: Patch) -> None:
    """A wrong secret uses up the limit of the key that it names."""
    compare = Comparison.compare

    def counting(self: Comparison, presented: Any, record: KeyRecord) -> Rejected | None:
        rejected, plan = compare(self, presented, record), limits.parse(record.rate_limit, None)
        if rejected is not None and plan is not None:
            now = self._parts.clock.now()
            self._parts.limiter.draw(record.limit_key, plan, 1, now.mono, now.wall)
        return rejected

    patch.setattr(Comparison, "compare", counting)


def separate_what_may_hold_the_separator(patch: Patch) -> None:
    """Fields are base64url, whose alphabet has the ``_`` that stands between the fields."""
    made = KeyFormat.__init__
    locate = KeyFormat.locate

    def lenient(self: KeyFormat, **settings: Any) -> None:
        made(self, **settings)
        self._match = re.compile("[a-z0-9]+_[a-z]+_[0-9A-Za-z]{22}[0-9A-Za-z_-]{32}ss1[0-9A-Za-z]{6}").fullmatch

    def split(self: KeyFormat, text: str) -> str | Rejected:
        return locate(self, text) if len(text.split("_")) == 3 else Rejected(Reason.MALFORMED)

    patch.setattr(base62, "random_text", lambda length: token_urlsafe(length)[:length])
    patch.setattr(KeyFormat, "__init__", lenient)
    patch.setattr(KeyFormat, "locate", split)


def match_networks_exactly(patch: Patch) -> None:
    """A block is compared with the address as text."""
    patch.setattr(policy, "is_within", lambda networks, ip: ip in {str(each.network_address) for each in networks})


# -- the cache


def keep_misses(patch: Patch) -> None:
    """News of a key does not clear what was remembered as missing."""
    news = RecordCache.news

    def tell(self: RecordCache, key_id: str | None, revision: int) -> None:
        misses = self._misses
        news(self, key_id, revision)
        self._misses = misses

    patch.setattr(RecordCache, "news", tell)


def fill_after_news(patch: Patch) -> None:
    """A record that was read before the news of its revocation is kept after it."""
    news = RecordCache.news

    def forgetful(self: RecordCache, key_id: str | None, revision: int) -> None:
        news(self, key_id, revision)
        self._floors.clear()

    patch.setattr(RecordCache, "news", forgetful)


# -- limits


def slide_the_window(patch: Patch) -> None:
    """The window begins anew with each request, so that only a client that is silent for all of it is let in again."""
    windows: dict[str, tuple[float, float]] = {}

    def sliding(drawn: Any) -> Any:
        def slid(self: LocalLimiter, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Any:
            began, last = windows.get(key, (mono, mono))
            if mono - last > 60:
                began = mono
            windows[key] = (began, mono)
            return drawn(self, key, plan, cost, began, wall)

        return slid

    for name in ("draw", "take"):
        patch.setattr(LocalLimiter, name, sliding(getattr(LocalLimiter, name)))


def give_each_process_all(patch: Patch) -> None:
    """Without the shared counter, each process grants the whole limit."""
    patch.setattr(Plan, "share", lambda self, _: self)


# -- what the outside hears


def answer_401_with(status: int) -> Callable[[Patch], None]:
    """The framework has a status of its own for whoever is not known."""

    def put_in(patch: Patch) -> None:
        answer = reception.http_answer

        def framework(*question: Any, **more: Any) -> Any:
            ours = answer(*question, **more)
            return ours._replace(status=status) if ours.status == 401 else ours

        patch.setattr(reception, "http_answer", framework)

    return put_in


class Fault(NamedTuple):
    """One fault.

    Attributes:
        name: As the design has it.
        put_in: Puts it in, for as long as a test runs.
        test: Finds it.
        given: Arguments of the test that are no fixtures.
    """

    name: str
    put_in: Callable[[Patch], None]
    test: Callable[..., Any]
    given: Mapping[str, Any] = {}


STATE = {"state": "revoked"}
LOCAL = {"choice": "local", "expected": 12}
FAULTS = [
    Fault(
        "a cached row written back un-revokes a key",
        write_back_what_was_cached,
        test_faults.test_a_cached_row_is_never_written_back,
    ),
    Fault(
        "a rehash that was made from an older row un-revokes a key",
        store_the_row_that_was_seen,
        test_faults.test_a_renewed_hash_does_not_undo_a_revocation,
    ),
    Fault(
        "a 32-bit or non-cryptographic lookup hash accepts a key with extra characters",
        hash_the_beginning,
        test_faults.test_a_key_with_extra_characters_is_refused,
    ),
    Fault(
        "a limiter whose window slides on each accepted request never resets",
        slide_the_window,
        test_faults.test_a_limit_resets_although_its_client_keeps_knocking,
    ),
    Fault(
        "hash as primary key breaks on rehash",
        update_by_the_hash,
        test_faults.test_a_rehash_does_not_change_the_primary_key,
    ),
    Fault(
        "CIDR promised, exact match coded",
        match_networks_exactly,
        test_faults.test_a_network_is_a_block_and_not_one_address,
    ),
    Fault(
        "state answered before the hash is checked",
        answer_the_state_first,
        test_faults.test_no_state_is_answered_before_the_secret_matched,
        STATE,
    ),
    Fault(
        "failures counted by key id lock the customer out",
        count_wrong_secrets,
        test_faults.test_guessing_secrets_locks_nobody_out,
    ),
    Fault(
        "read-modify-write counters lose updates",
        add_to_what_was_read_before,
        test_faults.test_no_use_is_lost_between_threads,
    ),
    Fault(
        "base64url _ inside a field broke 12 % of keys",
        separate_what_may_hold_the_separator,
        test_faults.test_no_key_is_dead_at_birth,
    ),
    Fault(
        "negative cache refuses a key made a moment ago",
        keep_misses,
        test_faults.test_a_key_made_a_moment_ago_is_not_refused,
    ),
    Fault(
        "a cache fill that races a revoke revives the key",
        fill_after_news,
        test_faults.test_a_fill_that_races_a_revocation_does_not_revive_the_key,
    ),
    Fault(
        "limiter falling back to memory multiplies the limit by the number of processes",
        give_each_process_all,
        test_shared_limits.test_without_the_server_the_limit_is_not_multiplied,
        LOCAL,
    ),
    Fault("last-used written on each request", store_each_use, test_faults.test_no_check_writes),
    Fault("a row lock held while hashing", hold_the_row, test_faults.test_no_key_is_hashed_while_the_store_is_held),
    *(
        Fault(
            f"401 turned into {status} by the framework",
            answer_401_with(status),
            test_asgi.test_each_refusal_has_its_status,
        )
        for status in (400, 403, 500)
    ),
]


def run(fault: Fault, request: pytest.FixtureRequest) -> None:
    """Run the test of a fault, with the fixtures that it asks for."""
    wanted = [name for name in inspect.signature(fault.test).parameters if name not in fault.given]
    running = fault.test(**{name: request.getfixturevalue(name) for name in wanted}, **fault.given)
    if inspect.iscoroutine(running):
        asyncio.run(running)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_the_fault_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """With the fault put in, before anything is made, its test fails."""
    fault.put_in(monkeypatch)
    with pytest.raises(AssertionError):
        run(fault, request)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_it_is_the_fault_that_is_found(fault: Fault, request: pytest.FixtureRequest) -> None:
    """Without it, the same test passes, run in the same way."""
    run(fault, request)
