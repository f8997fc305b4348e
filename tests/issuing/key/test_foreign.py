"""Hashes of other systems: each is verified by its own rule, against keys made with the real thing."""

from __future__ import annotations

import base64
import builtins
import hashlib
import sys

import argon2
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._key import foreign

KEY = "abcd1234.s3cretpartofakeythatisold"
WHOLE = KEY.encode()
SHA256, SHA512 = hashlib.sha256(WHOLE).digest(), hashlib.sha512(WHOLE).digest()
DERIVED = hashlib.pbkdf2_hmac("sha256", WHOLE, b"salt", 10)
QUICK_ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(KEY)

PLAIN = {
    "sha256 hexadecimal": "sha256$" + SHA256.hex(),
    "sha256 base64": "sha256$" + base64.b64encode(SHA256).decode(),
    "sha256 base64url": "sha256$" + base64.urlsafe_b64encode(SHA256).decode().rstrip("="),
    "sha512 hexadecimal": "sha512$" + SHA512.hex().upper(),
    "sha512 base64": "sha512$" + base64.b64encode(SHA512).decode(),
    "unkey": "unkey$" + base64.b64encode(SHA256).decode(),
    "drf-api-key": "drf-api-key$sha512$$" + SHA512.hex(),
}
SALTED = {
    "pbkdf2": f"pbkdf2_sha256$10$salt${base64.b64encode(DERIVED).decode()}",
    "drf-api-key, before 3": f"drf-api-key$pbkdf2_sha256$10$salt${base64.b64encode(DERIVED).decode()}",
    "drf-api-key, argon2": f"drf-api-key$argon2{QUICK_ARGON2}",
    "bcrypt": "bcrypt$" + bcrypt.hashpw(WHOLE, bcrypt.gensalt(4)).decode(),
    "argon2": "argon2$" + QUICK_ARGON2,
}


@pytest.mark.parametrize("described", [*PLAIN.values(), *SALTED.values()], ids=[*PLAIN, *SALTED])
def test_the_right_key_matches_and_no_other(described: str) -> None:
    """Not one with an ending, not one without its ending, not an empty one."""
    assert foreign.matches(described, KEY)
    for other in (KEY + "x", KEY[:-1], "", KEY.upper()):
        assert not foreign.matches(described, other)


@pytest.mark.parametrize("described", PLAIN.values(), ids=PLAIN)
def test_a_hash_without_salt_is_found_by_itself(described: str) -> None:
    """The look-up value that the import stores is among those of the presented key."""
    assert foreign.lookup(described) in foreign.lookups(KEY)


@pytest.mark.parametrize("described", SALTED.values(), ids=SALTED)
def test_a_salted_hash_is_found_by_the_head_of_its_key(described: str) -> None:
    """Without a head it could not be found, and is refused."""
    assert foreign.lookup(described, "abcd1234") in foreign.lookups(KEY)
    with pytest.raises(InvalidRequest, match="salted"):
        foreign.lookup(described)


def test_a_key_without_separators_has_no_heads() -> None:
    """It is looked for by its digests alone."""
    assert foreign.lookups("plain") == (hashlib.sha256(b"plain").digest(), hashlib.sha512(b"plain").digest())


@pytest.mark.parametrize(
    "described", ["sha256$zz", "sha512$" + "g" * 128, "unkey$é", "drf-api-key$sha512$$00", "sha256$" + "g" * 64]
)
def test_a_broken_digest_matches_nothing_and_is_not_imported(described: str) -> None:
    """An import says so; a check just refuses."""
    assert not foreign.matches(described, KEY)
    with pytest.raises(InvalidRequest, match="neither hexadecimal nor base64"):
        foreign.lookup(described)


@pytest.mark.parametrize(
    "described",
    [
        "pbkdf2_sha256$0$salt$" + base64.b64encode(DERIVED).decode(),
        "pbkdf2_sha256$99999999999$salt$" + base64.b64encode(DERIVED).decode(),
        "pbkdf2_sha256$ten$salt$" + base64.b64encode(DERIVED).decode(),
        "pbkdf2_sha256$10$salt$short",
        "drf-api-key$pbkdf2_md5$10$salt$AAAA",
        "drf-api-key$md5$10",
        "bcrypt$nonsense",
        "argon2$nonsense",
    ],
)
def test_a_broken_salted_hash_matches_nothing(described: str) -> None:
    """Also one whose iterations would keep the process busy for hours."""
    assert not foreign.matches(described, KEY)


def test_bcrypt_does_not_accept_a_longer_key_that_starts_the_same() -> None:
    """It reads 72 bytes and no NUL, so such keys are refused outright."""
    long = "k" * 72
    described = "bcrypt$" + bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()
    assert foreign.matches(described, long)
    assert not foreign.matches(described, long + "anything")
    assert not foreign.matches("bcrypt$" + bcrypt.hashpw(b"a", bcrypt.gensalt(4)).decode(), "a\0b")


@given(st.text(max_size=30))
def test_a_hash_of_an_unknown_kind_is_named(kind: str) -> None:
    """The sentence lists what is known, and shows no key."""
    described = f"x{kind.replace('$', '')}$00"
    for ask in (lambda: foreign.matches(described, KEY), lambda: foreign.lookup(described)):
        with pytest.raises(InvalidRequest, match="known are") as caught:
            ask()
        assert KEY not in str(caught.value)


@pytest.mark.parametrize(("kind", "package"), [("bcrypt", "bcrypt"), ("argon2", "argon2-cffi")])
def test_a_missing_package_is_named(kind: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == kind:
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setitem(sys.modules, kind, None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=f"pip install {package}"):
        foreign.matches(f"{kind}$x", KEY)
