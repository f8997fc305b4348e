"""What is stored instead of a key."""

from __future__ import annotations

import hashlib
import hmac
import pickle

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from secretsource._secret import Origin, Secret, SecretSet
from secretsource.exceptions import ConfigurationError
from secretsource.issuing import Pepper, PepperSet, PepperState
from secretsource.issuing._key import hashing
from secretsource.providers.base import SecretRef

NEW, OLD = "the newest pepper of the tests", "the older pepper of the tests"


@given(
    st.text(min_size=16, max_size=100, alphabet=st.characters(codec="utf-8")).map(lambda text: f"a{text}b"),
    st.text(alphabet=st.characters(codec="utf-8")),
)
def test_the_hash_is_hmac_under_an_hkdf_key(value: str, text: str) -> None:
    """The pre-keyed states give what the standard library and `cryptography` give in one go."""
    key = HKDF(SHA256(), 32, b"", b"secretsource hash v1").derive(value.encode())
    assert Pepper(value).hash(text) == hmac.new(key, text.encode(), hashlib.sha256).digest()


@given(st.lists(st.text(max_size=20, alphabet=st.characters(codec="utf-8")), max_size=20))
def test_a_text_is_hashed_alike_before_and_after_it_is_remembered(texts: list[str]) -> None:
    """The memory of hashes gives each text its own hash."""
    pepper = Pepper(NEW)
    for _ in range(2):
        assert [pepper.hash_again(text.encode()) for text in texts] == [pepper.hash(text) for text in texts]


@given(st.lists(st.binary(max_size=3), max_size=20))
def test_the_key_in_some_bytes_is_hashed_alike_before_and_after_it_is_remembered(sent: list[bytes]) -> None:
    """What is read differently is remembered apart, and bytes without a key are read each time."""
    pepper = Pepper(NEW)
    tail = pepper.reading(lambda written: written[1:].hex() or None)
    whole = pepper.reading(bytes.hex)
    for _ in range(2):
        assert [tail(each) for each in sent] == [pepper.hash(each[1:].hex()) if each[1:] else None for each in sent]
        assert [whole(each) for each in sent] == [pepper.hash(each.hex()) for each in sent]


def test_a_hash_is_computed_once_as_long_as_it_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full memory is emptied, so it never holds more than its bound."""
    monkeypatch.setattr(hashing, "MOST_KNOWN", 2)
    computed: list[bytes] = []

    def hash_written(written: bytes) -> bytes:
        computed.append(written)
        return written

    hash_again = hashing._remembering(hash_written, bytes(32))
    assert [hash_again(text) for text in (b"a", b"b", b"a", b"b")] == [b"a", b"b", b"a", b"b"]
    assert computed == [b"a", b"b"]
    assert [hash_again(text) for text in (b"c", b"b", b"a")] == [b"c", b"b", b"a"]
    assert computed == [b"a", b"b", b"c", b"b", b"a"]


def test_a_memory_keeps_what_was_hashed_and_not_what_was_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests without a key in a header do not push the hashes of keys out."""
    monkeypatch.setattr(hashing, "MOST_KNOWN", 1)
    computed: list[bytes] = []

    def hash_written(written: bytes) -> bytes | None:
        computed.append(written)
        return written or None

    hash_again = hashing._remembering(hash_written, bytes(32))
    assert [hash_again(written) for written in (b"key", b"", b"", b"key")] == [b"key", None, None, b"key"]
    assert computed == [b"key", b"", b""]


def test_a_python_without_blake_computes_each_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds for FIPS refuse it; checks work there, and remember no hash."""

    def refuse(**_: object) -> None:
        raise ValueError("unsupported hash type")

    monkeypatch.setattr(hashlib, "blake2b", refuse)
    pepper, text = Pepper(NEW), "sk_live_key"
    assert pepper.hash_again(text.encode()) == pepper.reading(bytes.decode)(text.encode()) == pepper.hash(text)
    assert hashing._remembering(bytes, bytes(32)) is bytes


def test_a_pepper_does_not_show_itself() -> None:
    """Neither printed nor pickled; its version is a fingerprint that tells nothing of it."""
    pepper = Pepper(NEW)
    assert NEW not in repr(pepper)
    assert NEW not in repr(PepperSet([NEW]))
    assert repr(pepper) == f"Pepper(<masked>, version='{pepper.version}')"
    for value in (pepper, PepperSet([NEW])):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(value)


def test_versions_tell_peppers_apart_wherever_they_are_kept() -> None:
    """Equal peppers have equal versions, others have others: 8 hexadecimal characters."""
    assert Pepper(NEW).version == Pepper(NEW).version != Pepper(OLD).version
    assert len(Pepper(NEW).version) == 8
    int(Pepper(NEW).version, 16)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("canary-15-bytes", "shorter than 16 bytes"),
        ("x" * 44, "one character repeated"),
        ("é" * 16, "one character repeated"),
        (" " * 44, "not blanks"),
        ("\t\n\u3000\xa0" * 9, "not blanks"),
        (" canary canary canary", "no blanks or line ends around it"),
        ("canary canary canary\n", "no blanks or line ends around it"),
        ("canary canary canary\u2003", "no blanks or line ends around it"),
        ("ref+vault://secret/canary#pepper", "not a reference to it"),
    ],
)
def test_what_is_no_pepper_is_refused(value: str, said: str) -> None:
    """In any place of a set; the sentence says what to do, and does not show it."""
    for make in (Pepper, lambda value: PepperSet([value]), lambda value: PepperSet([NEW, value])):
        with pytest.raises(ConfigurationError, match=said) as caught:
            make(value)
        assert "canary" not in str(caught.value)
        assert value not in str(caught.value)


@pytest.mark.parametrize("value", ["sixteen bytes ok", "a\tb" * 6, "AA" * 20 + "B", "a ref+vault://x in it"])
def test_what_only_looks_strange_is_a_pepper(value: str) -> None:
    """From 16 bytes on; blanks within, and few characters."""
    assert not Pepper(value).is_empty


def test_a_set_is_newest_first_and_takes_equal_peppers_once() -> None:
    """New keys use the first; a rotation that repeats a value changes nothing."""
    peppers = PepperSet([NEW, OLD, NEW, ""])
    assert list(peppers.versions()) == [Pepper(NEW).version, Pepper(OLD).version]
    assert peppers.newest.version == Pepper(NEW).version
    assert not peppers.is_empty
    assert peppers.needs_rehash(Pepper(OLD).version)
    assert not peppers.needs_rehash(Pepper(NEW).version)
    assert list(peppers.hashes("k")) == list(peppers.versions())
    assert peppers.hashes("k")[Pepper(OLD).version] == Pepper(OLD).hash("k")


def test_a_secret_set_of_the_consuming_half_is_a_pepper_set() -> None:
    """What the resolver gives is taken as it is."""
    origin = Origin(
        "SECRETSOURCE_PEPPER",
        fields=(),
        ref=SecretRef("env", "SECRETSOURCE_PEPPER"),
        version=None,
        fetched=0.0,
        expires=None,
        served="live",
    )
    assert list(PepperSet(SecretSet([Secret(NEW, origin), Secret(OLD, origin)])).versions()) == list(
        PepperSet([NEW, OLD]).versions()
    )


def test_no_pepper_is_a_set_that_says_so() -> None:
    """Its hashes can be computed by anyone, and it is marked."""
    assert PepperSet().is_empty
    assert PepperSet([""]).is_empty
    assert PepperSet().newest.hash("k") == PepperSet([]).newest.hash("k")


def test_a_pepper_without_keys_may_be_dropped() -> None:
    """An older pepper is needed as long as a key is hashed with it; imported keys have none before they are used."""
    peppers = PepperSet([NEW, OLD, "the oldest pepper of the tests"])
    newest, last, oldest = peppers.versions()
    assert peppers.uses({"0badc0de": 4, newest: 3, last: 1, "": 2, "00000000": 0}) == [
        (newest, 3, PepperState.NEWEST),
        (last, 1, PepperState.STILL_NEEDED),
        (oldest, 0, PepperState.MAY_BE_DROPPED),
        ("", 2, PepperState.NOT_USED_YET),
        ("0badc0de", 4, PepperState.NOT_CONFIGURED),
    ]


def test_the_stand_in_of_a_missing_pepper_is_no_pepper() -> None:
    """Without a pepper, the keys that need none are counted, and those that need one lack it."""
    (bare,) = PepperSet().versions()
    assert PepperSet().uses({bare: 2, "0badc0de": 1}) == [
        (bare, 2, PepperState.NO_PEPPER),
        ("0badc0de", 1, PepperState.NOT_CONFIGURED),
    ]
