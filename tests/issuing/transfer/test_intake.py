"""What cannot become a key: each row is told why, in words that quote nothing of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.issuing.foreign_keys import CANARY, ROWS

from secretsource.issuing import KeyFormat, PepperSet, Status
from secretsource.issuing._key.locator import LocatorSeals
from secretsource.issuing._key.lookup import LookupKeys
from secretsource.issuing._transfer.intake import Candidate, Intake
from secretsource.issuing._transfer.row import COLUMNS
from secretsource.issuing._transfer.sources import FORMATS, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

PEPPERS = PepperSet(["a pepper of the tests, long enough"])
NOW = 1_800_000_000.0
GOOD = ROWS["sha256"]
KEY_ID = LocatorSeals(PEPPERS).seal("acme", 1)
EXPORTED = {
    "key_id": KEY_ID, "hash": f"secretsource${PEPPERS.newest.version}${'ab' * 32}", "display": "sk_live_0000…",
    "owner": "acme", "prefix": "sk", "environment": "live", "created_at": 1.5, "revision": 3,
}  # fmt: skip


def intake(format: str = "generic", columns: Mapping[str, str] | None = None, **more: Any) -> Intake:
    """What reads rows, with one pepper."""
    source = Source(format, columns or {}, more.pop("defaults", {}))
    return Intake(source, PEPPERS, LocatorSeals(PEPPERS), LookupKeys(PEPPERS), more.pop("grammar", KeyFormat()), NOW)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"owner": None}, "no owner"),
    ({"owner": ""}, "no owner"),
    ({"owner": ["a"]}, "owner is not"),
    ({"owner": True}, "owner is not"),
    ({"owner": 10**300}, "owner is not"),
    ({"owner": "a\0b"}, "owner is not"),
    ({"owner": "\udcff"}, "owner is not"),
    ({"owner": "n" * 256}, "owner is not"),
    ({"hash": None}, "a hash or a plaintext"),
    ({"plaintext": "both"}, "and not both"),
    ({"hash": CANARY}, "say how it was made"),
    ({"hash": f"md5${CANARY}"}, "say how it was made"),
    ({"hash": f"drf-api-key$md5$${CANARY}"}, "say how it was made"),
    ({"hash": f"drf-api-key$pbkdf2_md5$1$a${CANARY}"}, "say how it was made"),
    ({"hash": f"drf-api-key$bcrypt$$2b$04${CANARY}"}, "say how it was made"),
    ({"hash": f"sha256${CANARY}"}, "cut short"),
    ({"hash": "sha512$" + "ab" * 32}, "cut short"),
    ({"hash": "ab" * 32, "algorithm": "sha512"}, "cut short"),
    ({"hash": "ab" * 32, "algorithm": CANARY}, "say how it was made"),
    ({"hash": f"bcrypt$$2b$12${CANARY}"}, "cut short"),
    ({"hash": "$2b$31$" + "a" * 53, "head": "x"}, "a cost of at most 14"),
    ({"hash": f"$argon2id${CANARY}"}, "cut short"),
    ({"hash": "$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "head": "x"}, "may ask for"),
    ({"hash": "pbkdf2_sha256$99999999$salt$" + "a" * 43, "head": "x"}, "at most 2000000 iterations"),
    ({"hash": "pbkdf2_sha256$ten$salt$" + "a" * 43, "head": "x"}, "cut short"),
    ({**ROWS["bcrypt"], "head": None}, "salted"),
    ({**ROWS["drf-pbkdf2"], "head": ""}, "salted"),
    ({"hash": f"secretsource$01234567${'ab' * 32}"}, "the whole row"),
    ({"hash": "h" * 1025}, "hash is not"),
    ({"hash": None, "plaintext": "p" * 513}, "plaintext is not"),
    ({"hash": None, "plaintext": f"a\n{CANARY}"}, "plaintext is not"),
    ({"hash": None, "plaintext": 5}, "plaintext is not"),
    ({"name": "n" * 256}, "name is not"),
    ({"name": 5}, "name is not"),
    ({"scopes": CANARY + " *"}, "scopes is not"),
    ({"scopes": {CANARY: 1}}, "scopes is not"),
    ({"scopes": [[CANARY]]}, "scopes is not"),
    ({"scopes": "[" * 5000}, "scopes is not"),
    ({"networks": ["203.0.113.7/24"]}, "networks is not"),
    ({"rate_limit": CANARY}, "rate_limit is not"),
    ({"rate_limit": "0/minute"}, "rate_limit is not"),
    ({"quota": "many"}, "quota is not"),
    ({"metadata": f"[{CANARY}"}, "metadata is not"),
    ({"metadata": [1]}, "metadata is not"),
    ({"metadata": {"a": "x" * 5000}}, "metadata is not"),
    ({"metadata": {"a": "\0"}}, "metadata is not"),
    ({"metadata": '{"a":' * 5000}, "metadata is not"),
    ({"created_at": "2024-01-01"}, "created_at is not"),
    ({"created_at": 1_700_000_000_000}, "created_at is not"),
    ({"created_at": float("nan")}, "created_at is not"),
    ({"created_at": "yesterday"}, "created_at is not"),
    ({"created_at": "9" * 5000}, "created_at is not"),
    ({"expires_at": True}, "expires_at is not"),
    ({"expires_at": 5, "not_before": 6}, "not after not_before"),
    ({"status": CANARY}, "status is not"),
    ({"status": "rotating"}, "only an exported key"),
    ({"prefix": "S K"}, "prefix and environment"),
    ({"prefix": 7}, "prefix is not"),
    ({"environment": "x"}, "prefix and environment"),
    ({"prefix": "root", "owner": ":root"}, "prefix root is reserved"),
    ({"prefix": "root", "hash": None, "plaintext": CANARY * 3}, "prefix root is reserved"),
    ({**EXPORTED, "prefix": "root", "hash": GOOD["hash"], "lookup": "ab" * 32}, "prefix root is reserved"),
    ({"key_id": CANARY}, "key_id is not"),
    ({"key_id": KEY_ID}, "and no display"),
    ({**EXPORTED, "revision": 0}, "revision is not"),
    ({**EXPORTED, "revision": 1.5}, "revision is not"),
    ({**EXPORTED, "hash": f"secretsource$01234567${'ab' * 32}"}, "a pepper that is not given"),
    ({**EXPORTED, "hash": f"secretsource${PEPPERS.newest.version}${CANARY}"}, "cut short"),
    ({**EXPORTED, "key_id": "0" * 22}, "sealed by a pepper that is not given"),
    ({**EXPORTED, "seal": f"{CANARY}$00"}, "seal is not"),
    ({**EXPORTED, "hash": GOOD["hash"]}, "no lookup"),
    ({**EXPORTED, "lookup": "zz"}, "lookup is not"),
    ({"onwer": CANARY}, "there is no column 'onwer': did you mean 'owner'?"),
    ({"Hash": CANARY}, "did you mean 'hash'?"),
    ({f"{CANARY}1expires": 1}, "a column may be a limit"),
    ({"_line": CANARY}, "could not be read"),
]


@pytest.mark.parametrize(("change", "said"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_is_told_without_quoting_it(change: dict[str, Any], said: str) -> None:
    """The reason names the column and what it has to be."""
    reason = intake().read({**GOOD, "head": "sha256", **change})
    assert isinstance(reason, str)
    assert said in reason
    assert CANARY not in reason
    assert "\n" not in reason


class _Cells(list[str]):
    """Compares its members one by one, and is neither true nor false, as an array of numpy."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return _Cells()

    def __bool__(self) -> bool:
        raise ValueError(CANARY)


def test_a_cell_that_cannot_be_compared_is_no_error_of_the_import() -> None:
    """Rows come from programs, too, and may hold anything."""
    row = {"hash": "ab" * 32, "externalId": "acme", "enabled": _Cells()}
    assert intake("unkey").read(row) == "the row does not follow its format"


def test_the_rows_that_these_are_made_of_are_good() -> None:
    """So that each of them fails for its own reason."""
    for row in (GOOD, EXPORTED, *ROWS.values(), {**EXPORTED, "_row": 7, "_reason": "mended"}):
        assert isinstance(intake().read(row), Candidate)


CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*COLUMNS, "id", "meta", "hashed_key", "enabled", "credits", "ratelimits", "fields", "refill"])


@given(st.sampled_from([*FORMATS]), st.dictionaries(NAMES | st.text(max_size=8), CELLS, max_size=8))
def test_whatever_a_row_is_made_of_there_is_a_record_or_a_reason(format: str, row: dict[str, Any]) -> None:
    """And no error, whatever types are where."""
    read = intake(format).read({**GOOD, **row} if format == "generic" else row)
    assert isinstance(read, (Candidate, str))


@pytest.mark.parametrize(("kind", "package"), [("bcrypt", "bcrypt"), ("argon2", "argon2-cffi")])
def test_a_missing_package_is_named(kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the import, and not when the customer comes."""
    monkeypatch.setitem(sys.modules, kind, None)
    reason = intake().read(ROWS[kind])
    assert isinstance(reason, str)
    assert f"pip install {package}" in reason


def test_columns_may_have_other_names_and_defaults() -> None:
    """As the option says; a row's own cell is over the default."""
    reads = intake(columns={"owner": "org", "hash": "digest"}, defaults={"algorithm": "sha256", "owner": "nobody"})
    digest = GOOD["hash"].partition("$")[2]
    owners = []
    for row in ({"org": 42, "digest": digest}, {"org": "", "digest": digest}, {"digest": f"sha256${digest}"}):
        read = reads.read(row)
        assert isinstance(read, Candidate)
        owners.append(read.record.owner)
    assert owners == ["42", "nobody", "nobody"]


def test_only_keys_of_a_front_that_is_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Because a rotation makes a successor of the same front."""
    strict = intake(grammar=KeyFormat(prefixes=["pk"]))
    assert "prefix and environment" in str(strict.read(GOOD))
    assert isinstance(strict.read({**GOOD, "prefix": "pk"}), Candidate)


@pytest.mark.parametrize(
    ("format", "header", "said"),
    [
        ("generic", ["owner", "hash"], None),
        ("generic", ["owner", "plaintext"], None),
        ("generic", ["owner", "hash", "hash"], "two columns have one name"),
        ("generic", ["owner", "secret"], "none of them is hash or plaintext"),
        ("generic", ["hash", "scope"], "there is no column 'scope': did you mean 'scopes'?"),
        ("generic", ["hash", CANARY], None),
        ("unkey", ["id", "hash", "anything"], None),
        ("unkey", ["id", "name"], "none of them is hash or plaintext"),
        ("drf-api-key", ["id", "whatever"], None),
        ("drf-api-key", [CANARY], "none of them is id or hashed_key"),
    ],
)
def test_a_header_is_judged(format: str, header: list[str], said: str | None) -> None:
    """Before a row is read; a first line that is data is not quoted."""
    complaint = Source(format, {}, {}).complaint(header)
    assert complaint is None if said is None else said in str(complaint)
    assert CANARY not in str(complaint)


def test_a_column_that_was_renamed_has_to_be_there() -> None:
    """Else every row would be without it."""
    assert "no column 'org'" in str(Source("generic", {"owner": "org"}, {}).complaint(["hash"]))
    assert Source("generic", {"owner": "org"}, {}).complaint(["hash", "org"]) is None
    assert Source("generic", {"hash": "digest"}, {}).complaint(["digest"]) is None


@pytest.mark.parametrize("status", [{}, {"status": "active"}, {"status": "rotating"}], ids=repr)
def test_a_time_of_revocation_revokes(status: dict[str, str]) -> None:
    """A row that says when it was revoked never becomes a good key, whatever its status says."""
    read = intake().read({**GOOD, **status, "revoked_at": 5.5})
    assert isinstance(read, Candidate)
    assert (read.record.status, read.record.revoked) == (Status.REVOKED, 5.5)


@pytest.mark.parametrize(
    ("expires", "status"), [(NOW, Status.EXPIRED), (NOW + 1, Status.ACTIVE), (NOW - 1, Status.EXPIRED)]
)
def test_a_key_that_has_ended_is_imported_as_expired(expires: float, status: Status) -> None:
    """From the very second of its end."""
    made = intake().read({**GOOD, "owner": "acme", "expires_at": expires})
    assert isinstance(made, Candidate)
    assert made.record.status is status


def test_a_key_that_ends_as_it_begins_is_refused() -> None:
    """It would never be good."""
    told = intake().read({**GOOD, "owner": "acme", "not_before": NOW + 5, "expires_at": NOW + 5})
    assert told == "expires_at is not after not_before"


def test_only_a_row_of_an_export_is_restored() -> None:
    """It comes back whatever its owner's plan says now; any other row is a new key."""
    restored, made = intake().read(EXPORTED), intake().read(GOOD)
    assert isinstance(restored, Candidate)
    assert isinstance(made, Candidate)
    assert (restored.is_restored, made.is_restored) == (True, False)


@pytest.mark.parametrize("row", [{"hash": [1]}, {"scopes": {"a": 1}}, {"metadata": [1]}, {"created_at": [1]}])
def test_a_row_that_cannot_be_read_has_a_reason(row: dict[str, Any]) -> None:
    """As a text, whatever went wrong in it."""
    reason = intake().read({**GOOD, **row})
    assert isinstance(reason, str)
    assert reason
