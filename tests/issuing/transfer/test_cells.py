"""The cells of an imported row at the ends of their ranges, and the judgement of a header."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import Status, header_judge
from secretsource.issuing._transfer import row, sources
from secretsource.issuing._transfer.sources import Source


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("rotate_every", "1", 1.0),
        ("rotate_every", 0.5, 0.5),
        ("revision", "1", 1),
        ("revision", 2**31 - 1, 2**31 - 1),
        ("seal", "0123abcd$" + "ab" * 16, ("0123abcd", b"\xab" * 16)),
        ("algorithm", "x" * 32, "x" * 32),
        ("name", "x" * 255, "x" * 255),
        ("rate_limit", "100/minute , 10/second,", "100/minute, 10/second"),
        ("quota", "9/day, ", "9/day"),
        ("expires_at", "20300101T00:00:00Z", 1_893_456_000.0),
        ("expires_at", "100000000", 1e8),
    ],
)
def test_a_cell_is_read(column: str, cell: Any, value: Any) -> None:
    """As a number or its text, up to the last value of its range."""
    assert row.read({column: cell}) == {column: value}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("rotate_every", "0"),
        ("rotate_every", -1),
        ("revision", 0),
        ("revision", 2**31),
        ("revision", True),
        ("seal", "0123abcd"),
        ("algorithm", "x" * 33),
        ("name", "x" * 256),
        ("scopes", 5),
        ("rate_limit", ","),
        ("expires_at", "73051"),
        ("expires_at", "73051.5"),
        ("expires_at", "99999999"),
    ],
)
def test_a_cell_out_of_its_range_is_refused(column: str, cell: Any) -> None:
    """With the form that it should have."""
    with pytest.raises(InvalidRequest, match=f"{column} is not"):
        row.read({column: cell})


def test_a_day_without_hyphens_has_a_zone() -> None:
    """It is no number of seconds; a count of days in a spreadsheet is neither, and its column is named."""
    assert row.read({"expires_at": "20300101"}, UTC) == {"expires_at": 1_893_456_000.0}
    with pytest.raises(InvalidRequest, match="expires_at is not an instant"):
        row.read({"expires_at": "73051"}, UTC)


@pytest.mark.parametrize("name", ["owner", "_row", "_reason", "_line", "colour", "x" * 41])
def test_a_name_that_is_no_mistake(name: str) -> None:
    """A column of ours, one of a file of rejected rows, or a name that is like none of ours."""
    assert row.mistake(name) is None


def test_a_name_that_is_almost_ours() -> None:
    """The nearest column is named."""
    assert "did you mean 'environment'?" in str(row.mistake("enviroment"))
    assert row.mistake("created_at" + " " * 31) is None  # too long to be quoted


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (["owner", "hash"], None),
        (["owner", "name"], "none of them is hash or plaintext"),
        (["hash", "owner", "hash"], "two columns have one name"),
        (["hash", "ownr"], "did you mean 'owner'?"),
    ],
)
def test_a_header_is_judged(header: list[str], says: str | None) -> None:
    """Before any row is read."""
    found = header_judge()(header)
    assert found is None if says is None else says in str(found)


def test_a_header_is_judged_with_its_columns() -> None:
    """A column that is read as one of ours must be there, and may have any name; other formats have their own names."""
    judge = header_judge(columns={"hash": "digest", "name": "ownr"})
    assert judge(["digest", "ownr"]) is None
    assert "no column 'digest'" in str(judge(["ownr", "x"]))
    assert header_judge("unkey")(["hash", "ownr"]) is None
    assert header_judge("unkey", defaults={"owner": "acme"})(["hash"]) is None


def test_a_line_that_could_not_be_read_is_no_row() -> None:
    """Its cells have to be written in its place."""
    with pytest.raises(InvalidRequest, match="a line that could not be read"):
        Source("generic", {}, {}).translated({"_line": "a;b", "hash": "x"})


def test_a_misspelt_column_of_a_row_is_refused() -> None:
    """In our own format; another system's columns are its own."""
    with pytest.raises(InvalidRequest, match="did you mean 'owner'"):
        Source("generic", {}, {}).translated({"ownr": "acme"})


def test_ignored_columns_are_counted_up_to_a_bound() -> None:
    """A hundred names; those that are counted already go on."""
    source = Source("generic", {}, {})
    for _ in range(2):
        source.translated({f"colour{number}": "x" for number in range(101)})
    assert len(source.ignored) == 100
    assert set(source.ignored.values()) == {2}


@pytest.mark.parametrize(
    ("milliseconds", "rule"),
    [
        (1000, "5/1 seconds"),
        (60_000, "5/1 minutes"),
        (3_600_000, "5/1 hours"),
        (86_400_000, "5/1 days"),
        (90_000, "5/90 seconds"),
    ],
)
def test_a_rate_of_another_system(milliseconds: int, rule: str) -> None:
    """In the greatest unit that it is a whole number of."""
    assert sources._rule({"limit": 5, "duration": milliseconds}) == rule


@pytest.mark.parametrize("milliseconds", [None, 0, 999, 1500])
def test_a_rate_in_no_whole_seconds_is_refused(milliseconds: int | None) -> None:
    """It could not be carried over as it is."""
    with pytest.raises(InvalidRequest, match="whole seconds"):
        sources._rule({"limit": 5, "duration": milliseconds})


def test_a_number_has_fifteen_digits_at_most() -> None:
    """As a text; a number is what it is."""
    assert sources._number("9" * 15) == 10**15 - 1
    assert sources._number("9" * 16) is None
    assert sources._number(True) is None
    assert sources._number(5) == 5


def test_notices_are_instants_by_name() -> None:
    """One that is no instant spoils the row."""
    assert row.read({"notices": '{"soon": 1.5}'}) == {"notices": {"soon": 1.5}}
    with pytest.raises(InvalidRequest, match="notices is not"):
        row.read({"notices": {"soon": "yesterday"}})


def test_credits_are_read_as_a_number_or_its_text() -> None:
    """Up to the most that there are."""
    for cell, value in (("7", 7), (7, 7), (0, 0), ("0", 0), (10**15, 10**15)):
        assert row.read({"credits": cell}) == {"credits": value}


@pytest.mark.parametrize("cell", ["x", "0.5", 1.5, -1, 10**15 + 1, True])
def test_credits_of_another_form_are_refused(cell: Any) -> None:
    """With the column."""
    with pytest.raises(InvalidRequest, match="credits is not"):
        row.read({"credits": cell})


@pytest.mark.parametrize("name", ["x" * 41, "environment" * 4, 5, None])
def test_a_name_that_is_like_none_of_ours_is_not_quoted(name: Any) -> None:
    """It may be a key: only a text of up to 40 characters is compared with ours."""
    assert row.unknown(name).startswith("a column has a name that is not known: known are ")
    assert row.mistake(name) is None


STATUSES: list[tuple[Any, Any, Status | None]] = [
    (None, None, None),
    (0, True, None),
    ("0", None, None),
    (1, True, Status.REVOKED),
    ("1", None, Status.REVOKED),
    (1700000000000, False, Status.REVOKED),
    (None, False, Status.DISABLED),
    (0, False, Status.DISABLED),
]
"""When a key of Unkey was deleted, whether it is enabled, and what that makes of it."""


def test_a_status_of_unkey() -> None:
    """A time of deletion revokes, a switch disables, and neither is said by 0 or nothing."""
    for deleted, enabled, status in STATUSES:
        assert sources._unkey_status(deleted, enabled) is status
