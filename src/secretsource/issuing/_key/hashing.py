"""The hash that is stored instead of a key: HMAC-SHA-256 under a key that is derived from the pepper. Pure.

A key carries 190 random bits, so guessing is hopeless whatever the hash costs, and a fast one is right (OWASP ASVS
5.0, 6.5.2 and 11.5.1). The pepper keeps a stolen database from confirming a guess at all.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from hmac import compare_digest, digest
from typing import TypeVar

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import NoReturn, Self

__all__ = ["Pepper", "PepperSet", "PepperState", "PepperUse", "compare_digest"]

SHORTEST_PEPPER = 16
"""Bytes below which a pepper is refused; ``openssl rand -base64 32`` makes 44."""

MOST_KNOWN = 20_000
"""Hashes that a pepper remembers, so that a check of a known key computes none; about 3 MB."""
H = TypeVar("H", bytes, bytes | None)

_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def derive(pepper: bytes, purpose: bytes, length: int) -> bytes:
    """Derive a key by HKDF-SHA256 with an empty salt, one block (RFC 5869).

    Args:
        pepper: The input keying material; any length.
        purpose: The purpose of the key, as HKDF's ``info``.
        length: Bytes to derive, 1 to 32.
    """
    extracted = digest(bytes(32), pepper, "sha256")
    return digest(extracted, purpose + b"\x01", "sha256")[:length]


_FAULTS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (
        lambda pepper: pepper.isspace(),
        "the pepper must be a secret, not blanks: make one with  openssl rand -base64 32",
    ),
    (
        lambda pepper: pepper != pepper.strip(),
        "the pepper must have no blanks or line ends around it: look at how it is stored",
    ),
    (
        lambda pepper: len(pepper.encode()) < SHORTEST_PEPPER,
        "the pepper is shorter than 16 bytes: make one with  openssl rand -base64 32",
    ),
    (
        lambda pepper: len(set(pepper)) == 1,
        "the pepper must be a secret, not one character repeated: make one with  openssl rand -base64 32",
    ),
    (
        lambda pepper: pepper.startswith("ref+"),
        "the pepper must be the secret itself, not a reference to it: give  get_secret(...)  or the secret's value",
    ),
)
"""The faults of a pepper; the first that applies is reported."""


def _complaint(pepper: object) -> str | None:
    """Return the fault of a pepper, or None; an empty one counts as missing."""
    if not isinstance(pepper, str):
        return "peppers must be a list of texts, newest first: write  peppers=[...]"
    written = pepper.encode(errors="replace")
    if written != pepper.encode(errors="surrogatepass"):
        return "the pepper cannot be written as UTF-8: make one with  openssl rand -base64 32"
    return next((said for fault, said in _FAULTS if pepper and fault(pepper)), None)


class Pepper:
    """A secret that is mixed into every hash, with the keys derived from it; never printed, never pickled.

    Args:
        value: The pepper; at least 16 bytes in UTF-8, kept in a secret manager and not in the database.

    Attributes:
        version: A fingerprint of the pepper, 8 characters of ``0-9a-f``; the same wherever the pepper is stored.
        hash: Returns the keyed hash of a whole key: 32 bytes; a text that UTF-8 cannot write is a `UnicodeEncodeError`.
        hash_again: Returns the same for a key in UTF-8, sooner for one that it was given before; for checks.

    Raises:
        ConfigurationError: The value is too short, or cannot be written as UTF-8.
    """

    __slots__ = ("_mark", "_value", "hash", "hash_again", "version")

    def __init__(self, value: str) -> None:
        complaint = _complaint(value)
        if complaint is not None:
            del value  # a traceback shows no pepper
            raise ConfigurationError(complaint)
        self._value = value.encode()
        self.version = derive(self._value, b"secretsource pepper version v1", 4).hex()
        block = derive(self._value, b"secretsource hash v1", 32).ljust(_BLOCK, b"\0")
        self.hash = _keyed(block)
        self._mark = derive(self._value, b"secretsource mark v1", 32)
        hash_text = self.hash
        self.hash_again = _remembering(lambda written: hash_text(written.decode()), self._mark)

    @property
    def is_empty(self) -> bool:
        """True for the stand-in of a missing pepper: anyone can compute its hashes and forge its locators."""
        return not self._value

    def reading(self, read: Callable[[bytes], str | None]) -> Callable[[bytes], bytes | None]:
        """Return a function that hashes the key in some bytes, sooner for bytes that it was given before.

        Args:
            read: Returns the key in such bytes, or None for bytes without a key, which is then the result.
        """
        hash_text = self.hash

        def hash_read(written: bytes) -> bytes | None:
            text = read(written)
            return None if text is None else hash_text(text)

        return _remembering(hash_read, self._mark)

    def derive(self, purpose: bytes, length: int) -> bytes:
        """Return a key for another purpose; see `derive`."""
        return derive(self._value, purpose, length)

    def __repr__(self) -> str:
        return f"Pepper(<masked>, version={self.version!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Pepper is not pickled: resolve it where it is used")


def _keyed(block: bytes) -> Callable[[str], bytes]:
    """Return HMAC-SHA-256 (RFC 2104) under a key padded to one block, which is absorbed once and not at each call."""
    inner_state = hashlib.sha256(block.translate(_INNER)).copy
    outer_state = hashlib.sha256(block.translate(_OUTER)).copy

    def hash_text(text: str) -> bytes:
        inner = inner_state()
        inner.update(text.encode())
        outer = outer_state()
        outer.update(inner.digest())
        return outer.digest()

    return hash_text


def _remembering(hash_written: Callable[[bytes], H], key: bytes) -> Callable[[bytes], H]:
    """Return the same function with a memory, which finds a hash by a mark of what was hashed, and keeps no key.

    HMAC by OpenSSL allocates some ten times, and pushes other code out of the processor's caches. A server feels that
    more than a loop does. The mark, by Python's own BLAKE2, does neither. Its key is the salt and the person, which
    cost nothing; a key of BLAKE2 is hashed before each text, as one block more.
    """
    known: dict[bytes, H] = {}
    try:
        state = hashlib.blake2b(salt=key[:16], person=key[16:], digest_size=32).copy
    except ValueError:  # some builds for FIPS refuse BLAKE2
        return hash_written

    def hash_again(written: bytes) -> H:
        marking = state()
        marking.update(written)
        mark = marking.digest()
        hashed = known.get(mark)
        if hashed is None:
            hashed = hash_written(written)
            if hashed is not None:
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known[mark] = hashed
        return hashed

    return hash_again


class PepperState(StrEnum):
    """Whether living keys need a pepper."""

    NEWEST = "newest"
    STILL_NEEDED = "still needed"
    MAY_BE_DROPPED = "may be dropped"
    NOT_CONFIGURED = "not configured"
    NOT_USED_YET = "not used yet"
    NO_PEPPER = "no pepper"


class PepperUse(NamedTuple):
    """The number of living keys that need a pepper.

    Attributes:
        version: The version of the pepper: 8 characters of ``0-9a-f``; empty for imported keys that were never used.
        keys: The number of living keys that are hashed with it.
        state: Whether the pepper is needed or may be dropped.
    """

    version: str
    keys: int
    state: PepperState


class PepperSet(tuple[Pepper, ...]):
    """The peppers that are valid now, newest first: new keys use the first, old keys are checked with their own.

    Args:
        peppers: Texts (or a `SecretSet`), newest first; equal ones count once, an empty list means no pepper.

    Raises:
        ConfigurationError: A pepper is too short, or is not a text.
    """

    __slots__ = ()

    def __new__(cls, peppers: Iterable[str] = ()) -> Self:
        given: object = peppers
        texts: list[object] = [*given] if isinstance(given, Iterable) and not isinstance(given, str) else [None]
        complaint = next(filter(None, map(_complaint, texts)), None)
        if complaint is not None:
            del given, peppers, texts  # a traceback shows no pepper
            raise ConfigurationError(complaint)
        distinct = dict.fromkeys(str(pepper) for pepper in texts if pepper)
        return super().__new__(cls, map(Pepper, distinct or ("",)))

    @property
    def newest(self) -> Pepper:
        """The pepper that new keys are hashed with."""
        return self[0]

    @property
    def is_empty(self) -> bool:
        """True when there is no pepper."""
        return self.newest.is_empty

    def hashes(self, text: str) -> dict[str, bytes]:
        """Return the hash of a key under each pepper, by pepper version, newest first.

        Args:
            text: The whole key.

        Raises:
            UnicodeEncodeError: UTF-8 cannot write it.
        """
        return {pepper.version: pepper.hash(text) for pepper in self}

    def needs_rehash(self, version: str) -> bool:
        """Return whether a hash made with this pepper should be replaced by one with the newest.

        Args:
            version: The version of the pepper: 8 characters of ``0-9a-f``.
        """
        return version != self.newest.version

    def versions(self) -> Iterator[str]:
        """Return the versions, newest first."""
        return (pepper.version for pepper in self)

    def uses(self, counts: Mapping[str, int]) -> Sequence[PepperUse]:
        """Count the living keys that need each pepper, and say whether you may drop it.

        Args:
            counts: The number of living keys of each pepper, by its version, as `ApiKeys.count_by_pepper` returns it.

        Returns:
            The peppers of this set, newest first, then those that keys need and this set does not have.
        """
        ours = [
            PepperUse(version, counts.get(version, 0), self._state(place, counts.get(version, 0)))
            for place, version in enumerate(self.versions())
        ]
        known = {use.version for use in ours}
        lacking = [
            PepperUse(version, keys, PepperState.NOT_CONFIGURED if version else PepperState.NOT_USED_YET)
            for version, keys in sorted(counts.items())
            if keys and version not in known
        ]
        return [*ours, *lacking]

    def _state(self, place: int, keys: int) -> PepperState:
        if self.is_empty:
            return PepperState.NO_PEPPER
        if place == 0:
            return PepperState.NEWEST
        return PepperState.STILL_NEEDED if keys else PepperState.MAY_BE_DROPPED

    def __repr__(self) -> str:
        return f"PepperSet({', '.join(self.versions())})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PepperSet is not pickled: resolve it where it is used")
