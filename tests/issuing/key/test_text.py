"""Names and notes: what is legal whichever Python reads it, and which spellings are one name."""

from __future__ import annotations

import unicodedata
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource._ground.key_text import masked
from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.issuing._key.text import canonical, cleaned, is_legible, kept
from secretsource.issuing._manage import field

LEGAL = [
    "Café Müller",
    "株式会社",
    "O'Neil & Söhne, 2nd (old)",
    "a\u00a0b",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "flag \U0001f3f4\U000e0067\U000e0062",
    "next year's emoji \U0001fadf",
    "not assigned yet \U0003ffff",
    "نام",
    "zero width\u200cnon-joiner",
]
ILLEGAL = ["\0", "\n", "\t", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\ud800"]


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal(name: str, keys: ApiKeys) -> None:
    """Letters, marks, numbers, punctuation, symbols, spaces, joiners, emoji, whether this Python knows them or not."""
    assert keys.issue(owner=name, name=name).record.name == name


@pytest.mark.parametrize("character", ILLEGAL)
def test_what_is_not(character: str) -> None:
    """Controls, separators of lines, overrides of the direction, surrogates."""
    for bad in (f"a{character}b", character):
        assert not is_legible(bad)
        with pytest.raises(InvalidRequest):
            field.owner(bad)
        with pytest.raises(InvalidRequest):
            field.text(bad, "name")
        assert is_legible(cleaned(bad, 255))


@given(st.text(max_size=300))
def test_what_is_cleaned_is_legible_and_no_longer(given: str) -> None:
    """Whatever came in."""
    kept = cleaned(given, 255)
    assert is_legible(kept)
    assert len(kept) == min(len(given), 255)


@given(st.text(max_size=30).filter(is_legible))
def test_one_spelling(name: str) -> None:
    """Taking it again changes nothing, and no blank is around it."""
    once = canonical(name)
    assert canonical(once) == once
    assert once == once.strip()


@pytest.mark.parametrize("name", ["Café", "Å", "한글", "ﬁ", "Ǆ", "ệ"])
def test_composed_and_decomposed_are_one_owner(name: str, keys: ApiKeys) -> None:
    """At issue, list, revoke_all and whose, in whichever form it was typed, with or without blanks."""
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    one, other = keys.issue(owner=composed), keys.issue(owner=f"  {decomposed}\ufeff \u200e\u200b\u2060 ")
    assert one.record.owner == other.record.owner == composed
    for spelling in (composed, decomposed, f"{decomposed} "):
        assert len(keys.list(owner=spelling)) == 2
        assert len([*keys.export(owner=spelling)]) == 2
        assert keys.whose(one.plaintext, [spelling]).name in (composed, None)  # type: ignore[union-attr]
    assert keys.whose(other.plaintext, [decomposed]) == keys.whose(one.plaintext, [composed])
    assert len(keys.revoke_all(owner=decomposed)) == 2
    assert not keys.check(one.plaintext, scope=NO_SCOPE)


def test_blanks_alone_are_no_owner() -> None:
    """Nor is a byte order mark, or another mark without width."""
    for blank in ("", " ", "\u00a0", "\ufeff", "\u200b \u00ad\u200f"):
        with pytest.raises(InvalidRequest, match="needs an owner"):
            field.owner(blank)


def test_what_is_cleaned() -> None:
    """An illegible blank becomes a space, and any other illegible character is replaced; the rest is cut."""
    assert cleaned("a\u2028b\x00c", 4) == "a b\ufffd"


def test_a_key_inside_a_text_is_masked(keys: ApiKeys) -> None:
    """Each of them, and nothing else of it."""
    key = keys.issue(owner="acme").plaintext
    assert masked(f"sent {key} and {key}, twice", 100) == "sent <masked> and <masked>, twice"
    assert masked("no key here", 100) == "no key here"
    assert masked("no key here", 6) == "no key"


@pytest.mark.parametrize("prefix", ["a", "a2345678", "a234567890123456"])
@pytest.mark.parametrize("longest", [0, 1, 8, 40, 255])
def test_a_text_is_cut_after_its_keys_are_masked(prefix: str, longest: int) -> None:
    """Wherever keys stand, and however many come before, the cut leaves no part of one."""
    key = f"{prefix}_staging_" + "0Az" * 18 + "ss1" + "9Zz" * 2
    for before, between, times in product(range(0, 270, 3), ("", " ", "/x/"), (1, 3, 40)):
        text = " " * before + between.join([key] * times) + " end"
        whole = " " * before + between.join(["<masked>"] * times) + " end"
        assert masked(text, longest) == whole[:longest]
        assert kept(text, longest) == whole[:longest]
