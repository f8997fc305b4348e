"""The text of a key: what is made can be read, and what was changed is noticed."""

from __future__ import annotations

import re
import string
import tomllib
from typing import Any
from zlib import crc32

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing import KeyFormat, ParsedKey, Reason, Rejected
from secretsource.issuing._key import base62
from secretsource.issuing._key.format import LONGEST_CREDENTIAL

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIXES = st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True)
ENVIRONMENTS = st.from_regex(r"[a-z]{2,8}", fullmatch=True)
LOCATORS = st.integers(0, 2**128 - 1).map(lambda number: base62.encode(number, 22))
FORMAT = KeyFormat()


@given(st.integers(0, 62**22 - 1))
@example(0)
@example(62**22 - 1)
def test_base62_is_read_as_it_was_written(number: int) -> None:
    """Every number that fits comes back, from exactly as many digits as were asked for."""
    text = base62.encode(number, 22)
    assert len(text) == 22
    assert set(text) <= set(BASE62)
    assert base62.decode(text) == number


@given(st.integers(0, 62**6 - 1), st.integers(0, 62**6 - 1))
def test_base62_texts_of_one_width_sort_as_their_numbers(left: int, right: int) -> None:
    """The digits are in ASCII order, which parsing relies on."""
    assert (base62.encode(left, 6) < base62.encode(right, 6)) == (left < right)


def test_random_digits_are_evenly_likely() -> None:
    """Each of the 62 digits turns up about as often as any other: chi-squared over 620,000 draws."""
    drawn = base62.random_text(620_000)
    chi_squared = sum((drawn.count(digit) - 10_000) ** 2 / 10_000 for digit in BASE62)
    assert len(drawn) == 620_000
    assert chi_squared < 150  # 61 degrees of freedom: 150 is passed by chance once in 10**9 runs


def test_random_digits_are_drawn_again_when_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that would favour some digits are thrown away, and others drawn for them."""
    answers = [b"\xff" * 100, bytes(range(248, 256)) + b"\x00\x3d" * 20]
    monkeypatch.setattr("os.urandom", lambda _: answers.pop(0))
    assert base62.random_text(32) == "0z" * 16
    assert answers == []


@given(PREFIXES, ENVIRONMENTS, LOCATORS)
def test_a_minted_key_is_parsed_to_its_parts(prefix: str, environment: str, locator: str) -> None:
    """Round trip, with the published length and alphabet."""
    text = FORMAT.mint(prefix, environment, locator)
    assert FORMAT.parse(text) == ParsedKey(prefix, environment, locator)
    assert len(text) == len(prefix) + len(environment) + 2 + 63
    assert 68 <= len(text) <= 89
    assert set(text) <= set(BASE62 + "_")
    assert text[-9:-6] == "ss1"


def test_every_change_of_one_character_is_caught() -> None:
    """CRC-32 misses no single error: all positions of a key, against all printable characters."""
    text = FORMAT.mint("sk", "live", base62.encode(2**127 + 12345, 22))
    for place in range(len(text)):
        for character in string.printable:
            if character != text[place]:
                assert isinstance(FORMAT.parse(text[:place] + character + text[place + 1 :]), Rejected)


@given(LOCATORS, st.integers(0, 69))
def test_swapped_neighbours_are_caught(locator: str, place: int) -> None:
    """The other common slip of a hand."""
    text = FORMAT.mint("sk", "live", locator)
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert swapped == text or not isinstance(FORMAT.parse(swapped), ParsedKey)


@given(st.text())
@example("")
@example("sk_live_" + "\0" * 63)
@example("sk_live_" + "٣" * 63)
@example("\ud800" * 71)
@example("x" * 10_000_000)
def test_any_text_is_parsed_without_an_error(text: str) -> None:
    """Whatever it is, the answer is a value; a text that long is not read."""
    verdict = FORMAT.parse(text)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.MALFORMED


def test_a_locator_past_128_bits_is_malformed() -> None:
    """22 digits could say more than a block holds; such a text is refused although its checksum is right."""
    body = f"sk_live_{base62.encode(2**128, 22)}{'0' * 32}ss1"
    verdict = FORMAT.parse(body + base62.encode(crc32(body.encode()), 6))
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.MALFORMED


@pytest.mark.parametrize("prefix", ["", "Sk", "1k", "s_k", "a" * 17, "sk\n", "ské"])
def test_a_prefix_of_another_form_is_not_minted(prefix: str) -> None:
    """A key that could not be parsed is not made; the sentence says what a prefix is."""
    with pytest.raises(InvalidRequest, match="its prefix is a letter and up to 15"):
        FORMAT.mint(prefix, "live", "0" * 22)


@pytest.mark.parametrize("environment", ["", "l", "Live", "live1", "a" * 9])
def test_an_environment_of_another_form_is_not_minted(environment: str) -> None:
    """The sentence says what an environment is."""
    with pytest.raises(InvalidRequest, match="its environment 2 to 8 of a-z"):
        FORMAT.mint("sk", environment, "0" * 22)


@pytest.mark.parametrize("locator", ["", "0" * 21, "0" * 23, "-" * 22, "z" * 22])
def test_a_locator_of_another_form_is_not_minted(locator: str) -> None:
    """Length, alphabet and range are checked."""
    with pytest.raises(InvalidRequest, match="22 characters"):
        FORMAT.mint("sk", "live", locator)


def test_a_narrow_format_takes_its_own_keys_only() -> None:
    """Prefixes and environments that were not allowed are neither made nor read."""
    narrow = KeyFormat(prefixes=("sk", "pk"), environments=("live",))
    assert isinstance(narrow.parse(narrow.mint("pk", "live", "0" * 22)), ParsedKey)
    assert isinstance(narrow.parse(FORMAT.mint("rk", "live", "0" * 22)), Rejected)
    assert isinstance(narrow.parse(FORMAT.mint("sk", "test", "0" * 22)), Rejected)
    with pytest.raises(InvalidRequest, match="its prefix is sk or pk, its environment live"):
        narrow.mint("rk", "live", "0" * 22)
    assert repr(narrow) == "KeyFormat(prefixes=('sk', 'pk'), environments=('live',))"


@pytest.mark.parametrize("settings", [{"prefixes": ["S"]}, {"environments": ["x"]}])
def test_a_format_that_could_not_be_is_refused_at_start(settings: dict[str, list[str]]) -> None:
    """Wrong wiring is found when it is wired."""
    with pytest.raises(ConfigurationError):
        KeyFormat(**settings)


def test_display_shows_the_front_and_four_characters() -> None:
    """Enough to tell keys apart, and nothing of the secret."""
    assert KeyFormat.display("sk", "live", "7Qm2" + "0" * 18) == "sk_live_7Qm2…"


def test_a_locator_is_found_in_a_key_and_in_itself() -> None:
    """What support staff paste may be either."""
    locator = base62.encode(99, 22)
    assert FORMAT.locator(FORMAT.mint("sk", "live", locator)) == locator
    assert FORMAT.locator(locator) == locator
    assert FORMAT.locator("z" * 22) is None
    assert FORMAT.locator("-" * 22) is None
    assert FORMAT.locator("nothing") is None


@pytest.mark.parametrize("made", [KeyFormat(), KeyFormat(prefixes=("sk", "pk"), environments=("live", "test"))])
def test_scanners_find_keys_in_text_and_nothing_else(made: KeyFormat) -> None:
    """The gitleaks rule is TOML, and both rules find a key in code but not in a longer word."""
    rules = made.rules()
    rule = tomllib.loads(rules.gitleaks)["rules"][0]
    github = re.compile(
        f"(?:{rules.github.before_secret})({rules.github.secret_format})(?:{rules.github.after_secret})".replace(
            r"\z", r"\Z"
        )
    )
    key = made.mint("sk", "live", base62.encode(77, 22))
    for pattern in (re.compile(rule["regex"]), github):
        for found in (key, f'API_KEY="{key}"', f"curl -H 'Authorization: Bearer {key}'", f"a\n{key}\n", rf"a\n{key}\n",
                      f"key%3d{key}%26", f'\\u0022{key}\\u0022', f"_{key}_"):  # fmt: skip
            match = pattern.search(found)
            assert match is not None
            assert match[match.re.groups and 1] == key
        for other in (f"x{key}x", key[:-1], key.replace("ss1", "ss2"), f"{key}0"):
            assert pattern.search(other) is None
    assert "secretGroup" not in rule
    assert tomllib.loads(rules.gitleaks)["extend"] == {"useDefault": True}
    assert all(keyword in key for keyword in rule["keywords"])
    assert ("sk-pk" in rule["id"]) == bool(made.prefixes)


@pytest.mark.parametrize("words", ["sk", None, 5, [5], [None], ["SK"], ["s" * 100_000], b"bytes"])
def test_a_format_has_lists_of_words(words: Any) -> None:
    """One text is not taken for a list of its letters, and nothing long is quoted."""
    for name in ("prefixes", "environments"):
        with pytest.raises(ConfigurationError) as caught:
            KeyFormat(**{name: words})
        assert len(str(caught.value)) < 300


def test_the_last_locator_is_one() -> None:
    """The greatest number of 128 bits is a locator, alone and in a key; the next number is none."""
    last, beyond = (base62.encode(number, 22) for number in (2**128 - 1, 2**128))
    assert FORMAT.locator(last) == last
    assert FORMAT.locator(beyond) is None
    body = f"sk_live_{last}{'0' * 32}ss1"
    assert FORMAT.locate(body + base62.encode_crc(crc32(body.encode()))) == last


@pytest.mark.parametrize(
    ("prefixes", "environments", "allowed"),
    [
        ((), (), {("sk", "live"), ("sk", "test"), ("pk", "live"), ("pk", "test")}),
        (("sk",), (), {("sk", "live"), ("sk", "test")}),
        ((), ("live",), {("sk", "live"), ("pk", "live")}),
        (("sk",), ("live",), {("sk", "live")}),
    ],
)
def test_keys_that_are_accepted(
    prefixes: tuple[str, ...], environments: tuple[str, ...], allowed: set[tuple[str, str]]
) -> None:
    """By prefix and by environment, where they are restricted."""
    grammar = KeyFormat(prefixes=prefixes, environments=environments)
    fronts = {(prefix, environment) for prefix in ("sk", "pk") for environment in ("live", "test")}
    assert {front for front in fronts if grammar.allows(*front)} == allowed


def test_rules_are_named_after_their_prefixes() -> None:
    """Without any, they have the name of the package alone."""
    assert 'id = "secretsource-api-key"\n' in FORMAT.rules().gitleaks
    assert 'id = "secretsource-api-key-sk-pk"\n' in KeyFormat(prefixes=("sk", "pk")).rules().gitleaks
    assert KeyFormat(prefixes=("sk",)).rules().github.name == "secretsource API key (sk)"


def test_the_numbers_of_the_format() -> None:
    """They are published, and never change within a grammar."""
    assert (LONGEST_CREDENTIAL, KeyFormat.version) == (512, 1)
