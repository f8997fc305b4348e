"""News on a channel where others can speak as well: only what we write ourselves is believed."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.stores._feed.news import GAP, read, written
from secretsource.stores.base import KeyChange

KEY = "a" * 22


@given(st.from_regex(r"[0-9A-Za-z]{22}", fullmatch=True), st.integers(1, 2**31 - 1))
def test_what_is_written_is_read(key_id: str, revision: int) -> None:
    """Every key, and every revision that a record can have."""
    change = KeyChange(key_id, revision)
    assert read(written(change)) == change


@given(st.sampled_from(["owner", "plan"]), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_what_is_written_of_an_owner_or_plan_is_read(subject: str, id: str) -> None:
    """Every name, as one word of printable ASCII."""
    change = KeyChange.of_terms(subject, id)
    word = written(change)
    assert read(word) == change
    assert word.isascii()
    assert word.isprintable()
    assert " " not in word


@given(st.text())
def test_any_other_text_is_a_gap(text: str) -> None:
    """It raises nothing, and names no key."""
    change = read(text)
    assert change == GAP or written(change) == text


@pytest.mark.parametrize(
    "word",
    [
        "", ":", KEY, f"{KEY}:", ":1", f"{KEY}:0", f"{KEY}:-1", f"{KEY}:+1", f"{KEY}: 1", f"{KEY}:1 ", f"{KEY}:٣",
        f"{KEY}:²", f"{KEY}:1.0", f"{KEY}:1_0", f"{KEY}:{2**31}", f"{KEY}:9999999999", f"{KEY}:00000000001",
        f"{KEY}:{'9' * (sys.get_int_max_str_digits() + 1)}", f"{KEY}:{'0' * 10_000}1", f"{KEY[1:]}:1", f"{KEY}a:1",
        "owner=", "plan=", "owner=a b", "owner=%61", "owner=é", "key=a", "=a", f"owner={'a' * 256}",
        f"plan={'%' * 9999}", "key=acme", f"key={KEY}", "owner=%ff",
        f"{KEY[1:]}é:1", f"{KEY[1:]}\x01:1", f"x{KEY}:1:1", written(GAP),
    ],
)  # fmt: skip
def test_what_is_nearly_news_is_a_gap(word: str) -> None:
    """Of whatever length: a number of 4,301 digits ends no thread."""
    assert read(word) == GAP


@pytest.mark.parametrize("subject", ["owner", "plan"])
def test_the_longest_name_is_news(subject: str) -> None:
    """255 characters of four bytes each; one more is a gap."""
    change = KeyChange.of_terms(subject, "\U0001f511" * 255)
    assert read(written(change)) == change
    assert len(written(change)) == len(f"{subject}=") + 255 * 12
    assert read(written(KeyChange.of_terms(subject, "\U0001f511" * 256))) == GAP
