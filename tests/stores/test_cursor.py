"""The cursor of a listing: what is not exactly as we write it is refused, and nothing of it reaches a database."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.exceptions import InvalidRequest
from secretsource.stores import _cursor
from secretsource.testing._stores.samples import record

KEY = "k" * 22


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_cursor_leads_back_to_its_record(created: float) -> None:
    """To the very instant, whatever it is; a whole number counts as what a database makes of it."""
    assert _cursor.place(_cursor.behind(record(1, created=created))) == (created, record(1).key_id)
    assert _cursor.place(_cursor.behind(record(1, created=5))) == (5.0, record(1).key_id)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_cursor_goes_into_an_address_as_it_is(created: float) -> None:
    """An address has no blank, and a plus is one there."""
    cursor = _cursor.behind(record(1, created=created))
    assert quote(cursor, safe="") == quote_plus(cursor) == cursor


def test_a_cursor_of_an_older_page_is_good() -> None:
    """Where it had a blank."""
    assert _cursor.place(f"5.0 {KEY}") == (5.0, KEY)


@given(st.text() | st.builds("{}_{}".format, st.floats() | st.integers() | st.text(), st.text() | st.just(KEY)))
def test_any_other_text_is_refused(cursor: str) -> None:
    """By its form alone."""
    try:
        created, key_id = _cursor.place(cursor)
    except InvalidRequest:
        return
    assert cursor.replace(" ", "_") == f"{created!r}_{key_id}".replace("+", "")


@pytest.mark.parametrize(
    "cursor",
    [
        "", "_", "5.0", f"_{KEY}", f"nan_{KEY}", f"inf_{KEY}", f"-inf_{KEY}", f"1e999_{KEY}", f"5_{KEY}", f"05.0_{KEY}",
        f"5.0__{KEY}", f"5.0_{KEY}_", f"5.0 {KEY} ", f"5.0_{KEY[1:]}", f"5.0_{KEY[1:]}\0", f"5.0_{KEY[1:]}\ud800",
        f"5_0.0_{KEY}", f"٥.0_{KEY}", f"+5.0_{KEY}", f"1e+16_{KEY}", f"{'1' * 100_000}_{KEY}", f"5.0\n{KEY}",
    ],
)  # fmt: skip
def test_what_is_nearly_a_cursor_is_refused(cursor: str) -> None:
    """Also what a number would be read from."""
    with pytest.raises(InvalidRequest, match="not one of ours: start again without it") as caught:
        _cursor.place(cursor)
    assert caught.value.__context__ is None
