"""The locator tells the issuer whose key it is, and keeps out what the issuer did not make."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from cryptography.hazmat.primitives import ciphers
from hypothesis import example, given
from hypothesis import strategies as st
from tests.forks import is_right_in_child, needs_fork, under_way_elsewhere

from secretsource.issuing import KeyFormat, Owner, OwnerKind, ParsedKey, Pepper, PepperSet
from secretsource.issuing._key import base62
from secretsource.issuing._key.locator import LocatorSeal, LocatorSeals, locator_key

if TYPE_CHECKING:
    from collections.abc import Callable

PEPPERS = PepperSet(["the newest pepper of the tests", "the older pepper of the tests"])
SEALS = LocatorSeals(PEPPERS)
NAMES = st.one_of(
    st.integers(0, 2**66).map(str), st.from_regex(r"[0-9a-z-]{1,12}", fullmatch=True), st.text(min_size=1, max_size=40)
)
SERIALS = st.integers(0, 2**32 - 1)


def sealed(block: int) -> str:
    """A locator with any content, made by whoever has the key."""
    enciphered = LocatorSeal(locator_key(PEPPERS.newest))._contexts().encrypt(block.to_bytes(16, "big"))
    return base62.encode(int.from_bytes(enciphered, "big"), 22)


@given(NAMES.filter(lambda name: name.isprintable()), SERIALS)
@example("0", 0)
@example("18446744073709551615", 2**32 - 1)
@example("zzzzzzzzzzzz", 1)
def test_an_owner_is_read_back_or_matched(name: str, serial: int) -> None:
    """Numbers and slugs stand in the key; any other name is matched against candidates."""
    locator = SEALS.seal(name, serial)
    assert SEALS.is_ours(locator)
    owner = SEALS.open(locator, ["somebody else", name])
    assert owner is not None
    assert owner.name == name


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("0", OwnerKind.INTEGER, 0),
        ("18446744073709551615", OwnerKind.INTEGER, 2**64 - 1),
        ("007", OwnerKind.SLUG, "007"),
        ("acme", OwnerKind.SLUG, "acme"),
        ("-", OwnerKind.SLUG, "-"),
    ],
)
def test_the_kind_of_owner_follows_from_the_name(name: str, kind: OwnerKind, value: object) -> None:
    """What fits into 64 bits is in the key itself."""
    assert SEALS.open(SEALS.seal(name, 5)) == Owner(kind, value, name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["18446744073709551616", "Acme", "acme gmbh", "abcdefghijklm", "café"])
def test_any_other_name_is_hashed_and_needs_candidates(name: str) -> None:
    """Without the right candidate, only the tag is known."""
    owner = SEALS.open(SEALS.seal(name, 5), ["acme", "café au lait"])
    assert owner is not None
    assert owner.kind is OwnerKind.HASHED
    assert isinstance(owner.value, bytes)
    assert len(owner.value) == 8
    assert owner.name is None


def test_two_keys_of_one_owner_have_nothing_in_common() -> None:
    """Neighbouring serials give locators that look unrelated: about one character in 62 agrees."""
    pairs = [(SEALS.seal("acme", serial), SEALS.seal("acme", serial + 1)) for serial in range(500)]
    agreeing = sum(left == right for pair in pairs for left, right in zip(pair[0][1:], pair[1][1:], strict=True))
    assert agreeing / (500 * 21) < 0.03


@given(st.integers(0, 2**128 - 1))
def test_a_made_up_locator_is_not_ours(number: int) -> None:
    """The false-accept rate is 2**-24 per guess; none of a test's worth passes."""
    locator = base62.encode(number, 22)
    assert not SEALS.is_ours(locator)
    assert SEALS.open(locator) is None


def test_forged_keys_with_a_right_checksum_are_not_ours() -> None:
    """Anyone can compute the CRC; of 20,000 keys forged that way, none opens."""
    form = KeyFormat()
    for _ in range(20_000):
        body = f"sk_live_{base62.encode(int.from_bytes(os.urandom(16), 'big'), 22)}{base62.random_text(32)}ss1"
        parsed = form.parse(body + base62.encode(crc32(body.encode()), 6))
        assert isinstance(parsed, ParsedKey)
        assert not SEALS.is_ours(parsed.locator)


@given(st.integers(0, 127))
def test_a_locator_with_any_bit_changed_is_not_ours(bit: int) -> None:
    """A cipher spreads one bit over the whole block, zeros and all."""
    number = base62.decode(SEALS.seal("acme", 7)) ^ 1 << bit
    assert not SEALS.is_ours(base62.encode(number, 22))


def test_an_older_pepper_still_opens_and_a_strange_one_does_not() -> None:
    """Old keys keep telling their owner while their pepper is in the set."""
    old = LocatorSeal(locator_key(PEPPERS[1])).seal("acme", 7)
    assert SEALS.is_ours(old)
    opened = SEALS.open(old)
    assert opened is not None
    assert opened.name == "acme"
    assert not SEALS.is_ours(LocatorSeal(locator_key(Pepper("a pepper of somebody else"))).seal("acme", 7))
    assert SEALS.seal("acme", 7) == LocatorSeal(locator_key(PEPPERS.newest)).seal("acme", 7)


@pytest.mark.parametrize("flags", [3, 4, 0x80, 0xFF])
def test_flags_of_another_version_are_not_ours(flags: int) -> None:
    """Kinds that do not exist yet are refused, not guessed at."""
    assert not SEALS.is_ours(sealed(1 << 64 | flags << 24))
    assert SEALS.open(sealed(1 << 64 | flags << 24)) is None


@pytest.mark.parametrize("slug", [0, 38**12, 2**64 - 1, 38**10, 1])
def test_a_slug_that_nobody_could_have_packed_is_not_opened(slug: int) -> None:
    """Empty, too large, or with an end before a letter."""
    assert SEALS.open(sealed(slug << 64 | 2 << 24)) is None


def test_one_seal_serves_many_threads() -> None:
    """Each thread has its own cipher context, so none disturbs another."""
    wrong: list[str] = []

    def work(owner: str) -> None:
        for serial in range(300):
            opened = SEALS.open(SEALS.seal(owner, serial))
            if opened is None or opened.name != owner:
                wrong.append(owner)

    threads = [threading.Thread(target=work, args=(f"owner{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_remembered_of_locators_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """And forgetting one costs time only: it is opened again."""
    monkeypatch.setattr("secretsource.issuing._key.locator._MOST_OPENED", 2)
    seals = LocatorSeals(PEPPERS)
    locators = [seals.seal("acme", serial) for serial in range(5)]
    assert all(seals.is_ours(locator) for locator in locators * 2)
    assert len(seals._opened) <= 2


@needs_fork
def test_a_fork_waits_for_a_cipher_that_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one registers all ciphers, under a lock of the library that a child would wait for."""
    seals = LocatorSeals(PEPPERS)

    def seal(pause: Callable[[], None]) -> None:
        def slow(*given: Any) -> Any:
            monkeypatch.setattr(ciphers, "Cipher", made)
            pause()
            return made(*given)

        made = ciphers.Cipher
        monkeypatch.setattr(ciphers, "Cipher", slow)
        seals.seal("customer", 1)

    with under_way_elsewhere(seal) as gone_on:
        assert is_right_in_child(lambda: gone_on.is_set() and seals.is_ours(seals.seal("customer", 1)))
