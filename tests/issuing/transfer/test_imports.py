"""Importing keys: what becomes of rows, of those that are there already, and of keys after their first use."""

from __future__ import annotations

import io
import logging
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import OLD_PEPPER, PEPPER
from tests.issuing.faults.test_hidden import assert_hidden
from tests.issuing.foreign_keys import CANARY, KINDS, ROWS, key

from secretsource.exceptions import ConfigurationError, InvalidRequest, StoreError
from secretsource.issuing import NO_SCOPE, EventKind, KeyRecord, RejectedRow, Status, Unreadable, read_rows
from secretsource.issuing._transfer.imports import KNOWN
from secretsource.issuing._transfer.sources import Source
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys, ImportBatch
    from secretsource.testing.clock import FakeClock

    MakeKeys = Callable[..., ApiKeys]


@pytest.fixture
def keys(make_keys: MakeKeys) -> ApiKeys:
    """Keys that look for imported ones."""
    return make_keys(imported=True)


def only(keys: ApiKeys) -> Any:
    """The one record of a store."""
    (record,) = keys.list().records
    return record


def test_all_that_a_row_can_say_is_in_the_record(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Typed as in JSON, or as texts as in CSV: the record is the same."""
    row: dict[str, Any] = {
        **ROWS["bcrypt"], "name": "billing", "prefix": "pk", "environment": "test", "scopes": ["a:b", "c:*"],
        "networks": ["203.0.113.0/24"], "rate_limit": "100/minute", "quota": "5/day", "metadata": {"plan": "pro"},
        "created_at": 1_600_000_000, "not_before": 1_600_000_100.5, "expires_at": 4_000_000_000,
        "last_used_at": 1_650_000_000, "status": "disabled", "status_reason": "unpaid", "start": "bcr",
    }  # fmt: skip
    texts = {
        **row, "scopes": "a:b c:*", "networks": "203.0.113.0/24", "metadata": '{"plan": "pro"}',
        "created_at": "2020-09-13T12:26:40Z", "not_before": "1600000100.5", "expires_at": "2096-10-02 07:06:40+00",
        "last_used_at": "1650000000", "quota": "5/day", "predecessor": "",
    }  # fmt: skip
    keys, other = (make_keys(store=MemoryStore()) for _ in range(2))
    for each, into in ((row, keys), (texts, other)):
        assert into.import_rows([each], actor="operator", origin="here").imported == 1
    record, same = only(keys), only(other)
    assert same == record._replace(key_id=same.key_id)
    assert record == KeyRecord(
        record.key_id, b"", "", "bcr…", "acme", "pk", "test", 1.6e9, "billing", frozenset({"a:b", "c:*"}), "100/minute",
        "5/day", ("203.0.113.0/24",), 1_600_000_100.5, 4e9, Status.DISABLED, "unpaid", last_used=1.65e9,
        metadata={"plan": "pro"}, foreign=row["hash"], lookup=record.lookup,
    )  # fmt: skip
    (event,) = keys.events(record.key_id)
    assert (event.kind, event.actor, event.origin, event.time) == (
        EventKind.IMPORTED, "operator", "here", clock.now().wall,
    )  # fmt: skip
    assert keys.whose(record.key_id).name == "acme"  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_rehashed_when_it_is_first_used(kind: str, keys: ApiKeys, make_keys: MakeKeys) -> None:
    """From then on there is our hash and no other, in every cache and process; extra characters never pass."""
    assert keys.import_rows([ROWS[kind]]).imported == 1
    text, before = key(kind), only(keys)
    for other in (text + "x", text[:-1], text.upper(), "x" + text, text + "."):
        assert not keys.check(other, scope=NO_SCOPE)
    assert keys.check(text, scope=NO_SCOPE)
    keys.flush()
    after = keys.get(before.key_id)
    assert (after.foreign, len(after.hash), len(after.lookup or b"")) == (None, 32, 32)
    assert (after.lookup == before.lookup) is (kind == "plaintext")
    assert after.pepper_version == keys._parts.peppers.newest.version
    assert [event.kind for event in keys.events(after.key_id)][1:] == [EventKind.REHASHED] * (kind != "plaintext")
    elsewhere = make_keys(imported=True)
    for reader in (keys, elsewhere):
        assert reader.check(text, scope=NO_SCOPE, fresh=True)
        for other in (text + "x", text[:-1], text + "."):
            assert not reader.check(other, scope=NO_SCOPE, fresh=True)
    keys.revoke(after.key_id)
    assert not elsewhere.check(text, scope=NO_SCOPE, fresh=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("used", [False, True])
def test_importing_again_revives_nothing(kind: str, used: bool, keys: ApiKeys) -> None:
    """The same row is known again, though its key was used, rehashed and revoked in between."""
    keys.import_rows([ROWS[kind]])
    if used:
        assert keys.check(key(kind), scope=NO_SCOPE)
        keys.flush()
    keys.revoke(only(keys).key_id)
    for _ in range(2):
        assert keys.import_rows([ROWS[kind]]).reasons == {KNOWN: 1}
    assert only(keys).status is Status.REVOKED
    assert not keys.check(key(kind), scope=NO_SCOPE, fresh=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("used", [False, True])
def test_a_row_is_known_again_under_a_newer_pepper(kind: str, used: bool, make_keys: MakeKeys) -> None:
    """Whether its key has gone over to it or not; the old pepper is needed where there is a hash that it made."""
    make_keys(peppers=[OLD_PEPPER]).import_rows([ROWS[kind]])
    keys = make_keys(peppers=[PEPPER, OLD_PEPPER], imported=True)
    if used:
        assert keys.check(key(kind), scope=NO_SCOPE)
        keys.flush()
    assert keys.import_rows([ROWS[kind]], dry_run=True).reasons == {KNOWN: 1}
    assert keys.import_rows([ROWS[kind]]).reasons == {KNOWN: 1}
    alone = make_keys(peppers=[PEPPER], imported=True)
    assert bool(alone.check(key(kind), scope=NO_SCOPE)) is (used or kind != "plaintext")


def test_a_plaintext_and_its_digests_are_one_key(keys: ApiKeys) -> None:
    """Whichever came first, in one batch or in two."""
    import hashlib

    digest = {"owner": "acme", "hash": "sha256$" + hashlib.sha256(key("plaintext").encode()).hexdigest()}
    longer = {"owner": "acme", "hash": "sha512$" + hashlib.sha512(key("plaintext").encode()).hexdigest()}
    assert keys.import_rows([digest, ROWS["plaintext"]]).imported == 1
    assert keys.import_rows([ROWS["plaintext"]]).imported == 0
    assert keys.import_rows([longer]).imported == 1
    assert keys.import_rows([ROWS["plaintext"]]).imported == 0


def test_a_used_key_is_checked_again_before_its_new_hash_is_stored(make_keys: MakeKeys, clock: FakeClock) -> None:
    """An imported key under the pepper before: its record is renewed from the store before the flush."""
    text = "sk_old_0123456789abcdef"
    make_keys(peppers=[OLD_PEPPER]).import_rows([{"plaintext": text, "owner": "acme"}])
    keys = make_keys(peppers=[PEPPER, OLD_PEPPER], imported=True)
    for _ in range(3):
        assert keys.check(text, scope=NO_SCOPE)
        clock.advance(6)
    keys.flush()
    record = keys.verify(text, scope=NO_SCOPE, fresh=True)
    assert [event.kind.value for event in keys.events(record.key_id)] == ["imported", "rehashed"]
    assert make_keys(peppers=[PEPPER], imported=True).check(text, scope=NO_SCOPE)


def test_a_plaintext_is_hashed_at_once(keys: ApiKeys, store: MemoryStore) -> None:
    """Nothing of it is stored but its first quarter, to be shown."""
    keys.import_rows([ROWS["plaintext"]])
    record = only(keys)
    assert record.foreign is None
    assert CANARY not in f"{store._records} {store._events} {tuple(record)}"
    assert record.display == f"{key('plaintext')[: len(key('plaintext')) // 4]}…"


def test_a_key_of_our_own_grammar_is_imported_by_itself(make_keys: MakeKeys) -> None:
    """When its locator is one of ours and names its owner; otherwise no check would ever let it through."""
    keys = make_keys()
    text = make_keys(store=MemoryStore()).issue(owner="acme", prefix="pk", environment="test").plaintext
    strange = make_keys(store=MemoryStore(), peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    report = keys.import_rows(
        [
            {"owner": "acme", "plaintext": text},
            {"owner": "ajax", "plaintext": text},
            {"owner": "acme", "plaintext": strange},
        ]
    )
    assert (report.imported, [row.number for row in report.first_rejected]) == (1, [2, 3])
    assert ["another owner" in reason or "pepper" in reason for reason in report.reasons] == [True, True]
    record = only(keys)
    assert (record.lookup, record.prefix, record.environment) == (None, "pk", "test")
    assert keys.check(text, scope=NO_SCOPE)
    assert keys.import_rows([{"owner": "acme", "plaintext": text}]).reasons == {KNOWN: 1}
    assert keys.import_rows([{"owner": "acme", "plaintext": text}], dry_run=True).reasons == {KNOWN: 1}


@pytest.mark.parametrize(
    ("said", "status", "accepted"),
    [
        ({}, Status.ACTIVE, True),
        ({"status": "disabled"}, Status.DISABLED, False),
        ({"status": "revoked", "expires_at": 1}, Status.REVOKED, False),
        ({"expires_at": 1_600_000_000}, Status.EXPIRED, False),
        ({"status": "expired"}, Status.EXPIRED, False),
        ({"status": "disabled", "expires_at": 5}, Status.EXPIRED, False),
    ],
)
def test_what_had_ended_has_ended(said: dict[str, Any], status: Status, accepted: bool, keys: ApiKeys) -> None:
    """A key that was revoked, disabled or over elsewhere is so here."""
    keys.import_rows([{**ROWS["sha256"], **said}])
    assert only(keys).status is status
    assert bool(keys.check(key("sha256"), scope=NO_SCOPE)) is accepted


def test_rows_are_stored_a_thousand_at_a_time(keys: ApiKeys, store: Any) -> None:
    """Each batch is one insertion, and told of once it is stored; rejected rows keep their numbers and their order."""
    digits = [{"owner": "acme", "hash": f"sha256${number:064x}"} for number in range(2_500)]
    digits[7], digits[1_200] = {"owner": "acme"}, digits[3]
    told: list[ImportBatch] = []

    def on_batch(batch: ImportBatch) -> None:
        assert len(store._records) == sum(each.imported for each in told) + batch.imported
        told.append(batch)

    report = keys.import_rows(digits, start=100, on_batch=on_batch)
    assert (report.rows, report.imported, report.rejected) == (2_500, 2_498, 2)
    assert [(batch.last, batch.imported) for batch in told] == [(1_100, 999), (2_100, 999), (2_600, 500)]
    assert [row.number for batch in told for row in batch.rejected] == [108, 1_301]
    assert [row.row for row in report.first_rejected] == [digits[7], digits[1_200]]


def test_an_outage_loses_and_doubles_nothing(keys: ApiKeys, store: Any) -> None:
    """What was told of is stored; the rest is stored by the next run, which finds the first rows there."""
    digits = [{"owner": "acme", "hash": f"sha256${number:064x}"} for number in range(3_000)]
    real, calls = store.insert, iter(range(10))

    def failing(changes: Any) -> Any:
        if next(calls) == 1:
            raise StoreError("the key store is gone: start it")
        return real(changes)

    store.insert = failing
    told: list[ImportBatch] = []
    with pytest.raises(StoreError):
        keys.import_rows(digits, on_batch=told.append)
    assert ([batch.last for batch in told], len(store._records)) == ([1_000], 1_000)
    report = keys.import_rows(digits)
    assert (report.imported, report.reasons) == (2_000, {KNOWN: 1_000})
    assert len(store._records) == 3_000


def test_a_locator_that_is_taken_is_made_again(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner of a million keys has some whose 32-bit serials meet; none of them is lost for it."""
    from secretsource.issuing._transfer import imports as _imports

    serials = iter([bytes(4), bytes(4), b"\1" * 4, b"\1" * 4, b"\2" * 4])
    monkeypatch.setattr(_imports.os, "urandom", lambda _: next(serials))
    for kind in ("sha256", "sha512", "bcrypt"):
        assert keys.import_rows([ROWS[kind]]).imported == 1
    assert len(keys.list().records) == 3


def test_two_locators_of_one_batch_that_are_the_same(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made again as well."""
    from secretsource.issuing._transfer import imports as _imports

    serials = iter([bytes(4), bytes(4), b"\1" * 4, b"\2" * 4])
    monkeypatch.setattr(_imports.os, "urandom", lambda _: next(serials))
    assert keys.import_rows([ROWS["sha256"], ROWS["sha512"]]).imported == 2
    assert len(keys.list().records) == 2
    assert next(serials) == b"\2" * 4


def test_a_dry_run_says_the_same_and_stores_nothing(keys: ApiKeys, store: Any) -> None:
    """Also of rows that are there, and of one that is there twice."""
    keys.import_rows([ROWS["sha256"]])
    rows = [ROWS["sha256"], ROWS["sha512"], ROWS["sha512"], {"owner": "acme"}, ROWS["plaintext"]]
    before = dict(store._records)
    dry = keys.import_rows(rows, dry_run=True)
    assert store._records == before
    wet = keys.import_rows(rows)
    assert dry[:4] == wet[:4]
    assert (wet.imported, wet.rejected) == (2, 3)


def test_without_a_pepper_nothing_is_imported(make_keys: MakeKeys) -> None:
    """Unless it is allowed."""
    with pytest.raises(ConfigurationError, match="SECRETSOURCE_PEPPER"):
        make_keys(peppers=[]).import_rows([ROWS["sha256"]])
    assert make_keys(peppers=[], allow_unpeppered=True).import_rows([ROWS["sha256"]]).imported == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "unkeyy"}, "known are generic, unkey, drf-api-key"),
        ({"columns": {"onwer": "x"}}, "did you mean 'owner'"),
        ({"defaults": {"scoped": "x"}}, "did you mean 'scopes'"),
        ({"defaults": {"plaintext": CANARY}}, "each key has its own"),
    ],
)
def test_an_import_that_cannot_be_is_refused_first(options: dict[str, Any], said: str, keys: ApiKeys) -> None:
    """Before a row is read."""
    with pytest.raises(ConfigurationError, match=said):
        keys.import_rows(iter(lambda: pytest.fail("a row was read"), None), **options)


def test_a_line_that_is_no_row_is_rejected_with_its_reason(keys: ApiKeys) -> None:
    """As `read_rows` gives it."""
    report = keys.import_rows([Unreadable("the line is not a JSON object", "{"), ROWS["sha256"]])
    assert (report.imported, report.reasons) == (1, {"the line is not a JSON object": 1})


def test_a_rejected_row_does_not_show_itself(keys: ApiKeys, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a repr, not in a pickle, not in a log, not in what is raised while it is at hand."""
    caplog.set_level(logging.DEBUG)
    bad = {"owner": "acme", "plaintext": CANARY, "hash": CANARY}
    report = keys.import_rows([bad])
    (rejected,) = report.first_rejected
    assert isinstance(rejected, RejectedRow)
    assert CANARY not in f"{report!r} {rejected!r} {Unreadable('x', CANARY)!r} {report.reasons} {caplog.text}"
    for secret in (rejected, Unreadable("x", CANARY)):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(secret)
    with pytest.raises(ConfigurationError):
        keys.import_rows([bad], format="no such format")


@pytest.mark.parametrize("where", ["insert", "find", "on_batch", "rows"])
def test_no_error_of_an_import_leads_to_a_row(where: str, keys: ApiKeys, store: Any) -> None:
    """Neither to a key nor to a foreign hash: not in its frames, whether the store fails, the caller, or the file."""

    def fail(*_: object) -> Any:
        raise StoreError("no")

    def rows() -> Any:
        for number in range(1_500):
            yield {"owner": "acme", "plaintext": f"{CANARY}.{number}"}
            yield {"owner": "acme", "hash": f"sha256${number:064x}"}
        yield fail() if where == "rows" else {"owner": CANARY}

    if where in ("insert", "find"):
        setattr(store, where, fail)
    with pytest.raises(StoreError) as caught:
        keys.import_rows(rows(), on_batch=fail if where == "on_batch" else None)
    assert_hidden(caught.value, CANARY, f"{1:064x}")


@pytest.mark.parametrize("content", [f"{CANARY},{CANARY}\n1,2\n", f'["{CANARY}"]', f"{CANARY}\0".encode("utf-16")])
def test_no_error_of_a_file_leads_to_a_line(content: str | bytes, keys: ApiKeys) -> None:
    """Also when it is read without an import."""
    raw = content if isinstance(content, bytes) else content.encode()
    kind: Any = "csv" if raw.startswith(CANARY.encode()) else "jsonl"
    judge = Source("generic", {}, {}).complaint
    for read in (list, keys.import_rows):
        with pytest.raises(InvalidRequest) as caught:
            read(read_rows(io.BytesIO(raw), kind, judge=judge))
        assert_hidden(caught.value, CANARY)
