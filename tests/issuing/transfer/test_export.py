"""An export is a move without loss: every field comes back, and every key works as before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.issuing.conftest import OLD_PEPPER, PEPPER
from tests.issuing.foreign_keys import CANARY, KINDS, ROWS, key

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, ApiKeys, EventKind, PepperSet, Status
from secretsource.issuing._key.locator import LocatorSeals
from secretsource.issuing._key.text import canonical
from secretsource.issuing._transfer import export
from secretsource.issuing._transfer import row as rows_of
from secretsource.stores.base import KeyRecord
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.clock import FakeClock

PEPPERS = PepperSet([PEPPER, OLD_PEPPER])
SEALS = LocatorSeals(PEPPERS)
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)
INSTANTS = st.floats(0, 2.5e11, allow_nan=False)
KEY_IDS = st.text("0123456789ABCDEFabcdef", min_size=22, max_size=22)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def optional(strategy: Any) -> Any:
    """What may be None."""
    return st.none() | strategy


@st.composite
def records(draw: Any) -> KeyRecord:
    """Any record that a store may hold."""
    owner = draw(TEXTS.map(canonical).filter(bool))
    foreign = draw(st.none() | st.sampled_from([ROWS["sha256"]["hash"], ROWS["bcrypt"]["hash"]]))
    return KeyRecord(
        key_id=SEALS.seal(owner, draw(st.integers(0, 2**32 - 1))),
        hash=b"" if foreign else draw(st.binary(min_size=32, max_size=32)),
        pepper_version="" if foreign else draw(st.sampled_from([pepper.version for pepper in PEPPERS])),
        display=draw(TEXTS.filter(lambda text: len(text) <= 31)),
        owner=owner,
        prefix=draw(st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True)),
        environment=draw(st.from_regex(r"[a-z]{2,8}", fullmatch=True)),
        created=draw(INSTANTS),
        name=draw(st.just("") | TEXTS),
        scopes=draw(st.frozensets(st.from_regex(r"[a-z.]{1,9}:([a-z]{1,9}|\*)", fullmatch=True), max_size=4)),
        rate_limit=draw(st.sampled_from([None, "100/minute", "5/30 seconds, 10/hour burst 20"])),
        quota=draw(st.sampled_from([None, "10000/month", "500/day add up to 2000"])),
        networks=tuple(draw(st.lists(st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "203.0.113.7/32"]), max_size=2))),
        begins=draw(optional(INSTANTS)),
        expires=draw(optional(INSTANTS)),
        status=draw(st.sampled_from(Status)),
        status_reason=draw(optional(TEXTS)),
        predecessor=draw(optional(KEY_IDS)),
        successor=draw(optional(KEY_IDS)),
        root=draw(optional(KEY_IDS)),
        overlap_ends=draw(optional(INSTANTS)),
        last_used=draw(optional(INSTANTS)),
        metadata=draw(st.dictionaries(TEXTS, JSON, max_size=3)),
        foreign=foreign,
        lookup=draw(st.binary(min_size=32, max_size=64) if foreign else optional(st.binary(min_size=32, max_size=64))),
        revision=draw(st.integers(1, 10**6)),
        rotate_every=draw(optional(st.floats(1.0, 1e9))),
        revoked=draw(optional(INSTANTS)),
        notices=draw(st.dictionaries(st.sampled_from(["expiring", "unused", "reused"]), INSTANTS)),
    )


@given(records())
@settings(max_examples=200)
def test_every_field_comes_back(record: KeyRecord) -> None:
    """Through JSON, to the last bit of an instant."""
    row = json.loads(json.dumps(export.row(record, export.SealBook(SEALS.known))))
    assert row.keys() <= rows_of.COLUMNS.keys()
    assert ("seal" in row) is (record.lookup is None)
    assert export.record(rows_of.read(row), PEPPERS, LocatorSeals(PEPPERS)) == record


def grown(keys: ApiKeys, clock: FakeClock) -> dict[str, bool]:
    """A store with keys in every state of life; each key's text, and whether it is good."""
    plain = keys.issue(owner="acme", scopes=["a:b"], metadata={"n": 1}, name="é", expires_in=1e6)
    revoked, disabled, old = (keys.issue(owner=owner, rate_limit="9/day") for owner in ("acme", 42, "A Long Name, Ltd"))
    over = keys.issue(owner="acme", expires_in=5)
    keys.revoke(revoked.record.key_id, reason="leaked")
    keys.disable(disabled.record.key_id)
    new = keys.rotate(old.record.key_id, overlap=1000)
    keys.import_rows(ROWS.values())
    for kind in KINDS[::2]:
        assert keys.check(key(kind), scope=NO_SCOPE)
    assert keys.check(plain.plaintext, scope="a:b")
    keys.flush()
    clock.advance(10)
    assert new.plaintext is not None
    good = {plain.plaintext: True, old.plaintext: True, new.plaintext: True}
    ended = {revoked.plaintext: False, disabled.plaintext: False, over.plaintext: False}
    return {**good, **ended, **{key(kind): True for kind in KINDS}}


def test_a_store_moves_with_every_key(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Each key is accepted or refused as before, and lives on: it is rehashed, finished, revoked."""
    keys = make_keys(imported=True)
    texts = grown(keys, clock)
    rows = [json.loads(json.dumps(row)) for row in keys.export()]
    moved = make_keys(store=MemoryStore(), imported=True)
    assert moved.import_rows(rows, dry_run=True).imported == len(texts)
    report = moved.import_rows(rows, actor="mover")
    assert (report.imported, report.rejected) == (len(texts), 0)
    assert moved.list(limit=1000).records == keys.list(limit=1000).records
    for text, good in texts.items():
        for reader in (keys, moved):
            assert bool(reader.check(text, scope=NO_SCOPE)) is good
    moved.flush()
    for record in moved.list(limit=1000).records:
        assert record.foreign is None
        assert moved.events(record.key_id)[0].kind is EventKind.IMPORTED
    rotating = next(record for record in moved.list(limit=1000).records if record.status is Status.ROTATING)
    assert moved.finish_rotation(rotating.key_id).status is Status.REVOKED
    again = moved.import_rows(rows)
    assert (again.imported, again.rejected, len(again.reasons)) == (0, len(texts), 1)
    assert moved.import_rows(rows, dry_run=True)[1:4] == again[1:4]
    assert CANARY not in json.dumps(rows)


def test_an_export_may_be_of_one_owner(make_keys: Callable[..., ApiKeys]) -> None:
    """Page after page, the oldest first."""
    keys = make_keys()
    keys.issue_many([{"owner": number % 2} for number in range(2500)])
    rows = list(keys.export(owner=1))
    assert len(rows) == 1250
    assert {row["owner"] for row in rows} == {"1"}
    assert [row["key_id"] for row in keys.export()] == [record.key_id for record in _all(keys)]


def _all(keys: ApiKeys) -> list[KeyRecord]:
    found: list[KeyRecord] = []
    after = None
    while True:
        page = keys.list(limit=700, after=after)
        found += page.records
        if (after := page.next) is None:
            return found


def test_a_store_does_not_move_without_its_peppers(make_keys: Callable[..., ApiKeys]) -> None:
    """Every row is told so, and nothing is stored that no check could let through; a key not used yet needs none."""
    keys = make_keys(imported=True)
    keys.issue(owner="acme")
    keys.import_rows([ROWS["sha256"], ROWS["plaintext"]])
    moved = make_keys(store=MemoryStore(), peppers=[OLD_PEPPER], imported=True)
    report = moved.import_rows(keys.export())
    assert (report.imported, report.rejected) == (1, 2)
    assert all("pepper that is not given" in reason for reason in report.reasons)
    assert moved.check(key("sha256"), scope=NO_SCOPE)


def test_a_key_moves_though_the_pepper_that_sealed_it_is_gone(make_keys: Callable[..., ApiKeys]) -> None:
    """Its seal is in its row, and in the store that it moves to; a row with another seal, or none, is no key there."""
    text = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    assert make_keys(peppers=[PEPPER, OLD_PEPPER]).check(text, scope=NO_SCOPE)
    keys = make_keys(peppers=[PEPPER, OLD_PEPPER])
    assert keys.check(text, scope=NO_SCOPE, fresh=True)
    keys.flush()
    (row,) = make_keys(peppers=[PEPPER]).export()
    store = MemoryStore()
    for seal in (None, f"01234567${'0' * 32}", "short"):
        assert make_keys(store=store, peppers=[PEPPER]).import_rows([{**row, "seal": seal}]).imported == 0
    assert make_keys(store=store, peppers=[PEPPER]).import_rows([row]).imported == 1
    assert make_keys(store=store, peppers=[PEPPER]).check(text, scope=NO_SCOPE)


@pytest.mark.parametrize("kind", ["sha256", "plaintext"])
def test_an_imported_key_that_moved_is_not_imported_beside_itself(kind: str, make_keys: Callable[..., ApiKeys]) -> None:
    """Its row from the first system is known where its record has gone."""
    keys = make_keys()
    keys.import_rows([ROWS[kind]])
    moved = make_keys(store=MemoryStore())
    moved.import_rows(keys.export())
    assert moved.import_rows([ROWS[kind]]).imported == 0


@pytest.mark.parametrize(("granted", "spent", "left"), [(5, 0, 5), (5, 3, 2), (5, 5, 0), (5, 9, 0), (0, 0, 0)])
def test_an_export_has_the_credits_that_are_left(granted: int, spent: int, left: int) -> None:
    """Never fewer than none: a record may have been lowered below what is spent."""
    record = KeyRecord(SEALS.seal("acme", 1), b"h" * 32, PEPPERS.newest.version, "…", "acme", "sk", "live", 5.0)
    book = export.SealBook(SEALS.known)
    assert export.row(record._replace(credits=granted), book, spent)["credits"] == left
    assert export.row(record._replace(credits=granted), book)["credits"] == granted
    assert "credits" not in export.row(record, book, spent)


def test_a_row_with_a_hash_of_no_known_form_is_refused() -> None:
    """Neither ours nor that of a system whose hashes can be checked."""
    record = KeyRecord(SEALS.seal("acme", 1), b"h" * 32, PEPPERS.newest.version, "…", "acme", "sk", "live", 5.0)
    row = export.row(record, export.SealBook(SEALS.known))
    with pytest.raises(InvalidRequest, match="say how it was made"):
        export.record(rows_of.read({**row, "hash": "md5$" + "ab" * 16}), PEPPERS, SEALS)
