"""The locator: a sealed header that shows the owner of a key to its issuer alone. Pure.

A locator is one AES-128 block of ``owner:64 ‖ serial:32 ‖ flags:8 ‖ zeros:24``, big-endian, written as 22 base62
characters. The redundancy makes the zeros a keyed check (Bellare and Rogaway, "Encode-then-encipher encryption",
Asiacrypt 2000). A made-up locator opens with a probability of 2**-24 per guess, and two locators of one owner have
nothing in common to an outsider. It hides and filters; it is never the credential.
"""

from __future__ import annotations

import enum
import re
import threading
from hmac import digest

from secretsource._ground.beginnings import beginning
from secretsource._ground.namedtuple import NamedTuple
from secretsource.issuing._key import base62 as _base62

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.issuing._key.hashing import Pepper, PepperSet

LENGTH = 22
KEY_LENGTH = 16
_LARGEST_INTEGER = 2**64 - 1
_IS_INTEGER = re.compile(r"0|[1-9][0-9]{0,19}")
_IS_SLUG = re.compile(r"[0-9a-z-]{1,12}")
_SLUG_LENGTH = 12
_MOST_OPENED = 100_000
_SLUG_DIGITS = "\0" + "0123456789abcdefghijklmnopqrstuvwxyz-"
_SLUG_VALUES = {character: value for value, character in enumerate(_SLUG_DIGITS)}


class OwnerKind(enum.IntEnum):
    """The content of the 64 bits of an owner; the low two bits of the flags."""

    HASHED = 0
    INTEGER = 1
    SLUG = 2


class Owner(NamedTuple):
    """The owner of a key, as far as the key alone shows.

    Attributes:
        kind: The kind of ``value``.
        value: An integer below 2**64; a slug of 1 to 12 characters of ``0-9a-z-``; or, for any other name, the first
            8 bytes of its keyed hash.
        name: The owner as records name it; None for a hashed name that no candidate matched.
    """

    kind: OwnerKind
    value: int | str | bytes
    name: str | None


def locator_key(pepper: Pepper) -> bytes:
    """Return the key that seals locators: HKDF-SHA256 of the pepper, info ``secretsource locator v1``, 16 bytes.

    It outlives its pepper, whose other uses can be renewed: a locator is part of the text that a customer has.
    """
    return pepper.derive(b"secretsource locator v1", KEY_LENGTH)


class LocatorSeal:
    """A seal of locators under one key; for any number of threads.

    Args:
        key: 16 bytes, from `locator_key`.
    """

    __slots__ = ("_key", "_local")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._local = threading.local()

    def seal(self, owner: str, serial: int) -> str:
        """Make a locator.

        Args:
            owner: A name. A decimal number below 2**64 (no leading zeros) or a slug of 1 to 12 characters of
                ``0-9a-z-`` can be read back from the key. Any other name can only be matched.
            serial: 0 to 2**32 - 1; distinguishes the keys of one owner.

        Returns:
            22 characters of ``0-9A-Za-z``.
        """
        kind, bits = self._pack(owner)
        block = (bits << 64 | serial << 32 | kind << 24).to_bytes(16, "big")
        return _base62.encode(int.from_bytes(self._contexts().encrypt(block), "big"), LENGTH)

    def open(self, locator: str) -> Owner | None:
        """Return the owner of a key, or None if it was not sealed with this key.

        Args:
            locator: 22 characters of ``0-9A-Za-z``, below 2**128 as a number.
        """
        block = self._contexts().decrypt(_base62.decode(locator).to_bytes(16, "big"))
        if block[13:] != b"\0\0\0":
            return None
        kind, bits = block[12], block[:8]
        if kind == OwnerKind.SLUG:
            return _unpack_slug(int.from_bytes(bits, "big"))
        if kind == OwnerKind.INTEGER:
            number = int.from_bytes(bits, "big")
            return Owner(OwnerKind.INTEGER, number, str(number))
        return Owner(OwnerKind.HASHED, bits, None) if kind == OwnerKind.HASHED else None

    def fits(self, block: bytes) -> bool:
        """Return whether the keyed check of a sealed block of 16 bytes holds; the hot path needs no more."""
        opened = self._contexts().decrypt(block)
        return opened[13:] == b"\0\0\0" and opened[12] <= OwnerKind.SLUG

    def match(self, owner: Owner, candidates: Iterable[str]) -> Owner:
        """Name a hashed owner by the first candidate that hashes to it; any other owner is returned unchanged."""
        if owner.kind is not OwnerKind.HASHED:
            return owner
        for name in candidates:
            if self._tag(name) == owner.value:
                return owner._replace(name=name)
        return owner

    def _pack(self, owner: str) -> tuple[OwnerKind, int]:
        if _IS_INTEGER.fullmatch(owner) and int(owner) <= _LARGEST_INTEGER:
            return OwnerKind.INTEGER, int(owner)
        if _IS_SLUG.fullmatch(owner):
            return OwnerKind.SLUG, _pack_slug(owner)
        return OwnerKind.HASHED, int.from_bytes(self._tag(owner), "big")

    def _tag(self, name: str) -> bytes:
        return digest(self._key, name.encode(), "sha256")[:8]

    def _contexts(self) -> _Contexts:
        try:
            contexts: _Contexts = self._local.contexts
        except AttributeError:
            contexts = self._local.contexts = _Contexts(self._key)
        return contexts


class _Contexts:
    """AES under one key, for one thread: a cipher context is not for two threads at once.

    ECB is safe here: it enciphers single, distinct blocks, which is the purpose of a block cipher.
    """

    __slots__ = ("decrypt", "encrypt")

    def __init__(self, key: bytes) -> None:
        with beginning():
            from cryptography.hazmat.primitives.ciphers import Cipher
            from cryptography.hazmat.primitives.ciphers.algorithms import AES
            from cryptography.hazmat.primitives.ciphers.modes import ECB

            cipher = Cipher(AES(key), ECB())  # noqa: S305 - see above
            self.encrypt = cipher.encryptor().update
            self.decrypt = cipher.decryptor().update


class LocatorSeals:
    """The seals of a set of peppers, and of earlier ones: seal with the newest, open with each in turn.

    Args:
        peppers: Newest first.

    Attributes:
        own: The keys of these peppers, by pepper version; the stand-in for a missing pepper has no key.
        known: Those keys, and the added ones.
    """

    __slots__ = ("_opened", "_seals", "known", "own")

    def __init__(self, peppers: PepperSet) -> None:
        self._seals = tuple(LocatorSeal(locator_key(pepper)) for pepper in peppers)
        self._opened: set[str] = set()
        self.own = {pepper.version: locator_key(pepper) for pepper in peppers if not pepper.is_empty}
        self.known = dict(self.own)

    def add(self, keys: Mapping[str, bytes]) -> None:
        """Add the seals of other peppers, to open their locators too.

        Args:
            keys: Their locator keys of 16 bytes, by pepper version; a value of another kind is ignored.
        """
        new = {version: key for version, key in keys.items() if version not in self.known and len(key) == KEY_LENGTH}
        self.known.update(new)
        self._seals += tuple(map(LocatorSeal, new.values()))

    def seal(self, owner: str, serial: int) -> str:
        """Make a locator under the newest pepper; see `LocatorSeal.seal`."""
        return self._seals[0].seal(owner, serial)

    def is_ours(self, locator: str) -> bool:
        """Return whether any of the seals opens a locator of 22 characters of ``0-9A-Za-z``, and remember that seal."""
        if locator in self._opened:
            return True
        block = _base62.decode(locator).to_bytes(16, "big")
        for seal in self._seals:  # a generator costs more than the cipher
            if seal.fits(block):
                if len(self._opened) >= _MOST_OPENED:
                    self._opened.clear()
                self._opened.add(locator)
                return True
        return False

    def open(self, locator: str, candidates: Iterable[str] = ()) -> Owner | None:
        """Return the owner of a key, or None if none of the seals opens it.

        Args:
            locator: 22 characters of ``0-9A-Za-z``, below 2**128 as a number.
            candidates: Names to match a hashed owner against; read only for such an owner.
        """
        for seal in self._seals:
            owner = seal.open(locator)
            if owner is not None:
                return seal.match(owner, candidates)
        return None


def _pack_slug(slug: str) -> int:
    number = 0
    for character in slug.ljust(_SLUG_LENGTH, "\0"):
        number = number * len(_SLUG_DIGITS) + _SLUG_VALUES[character]
    return number


def _unpack_slug(number: int) -> Owner | None:
    characters = ""
    for _ in range(_SLUG_LENGTH):
        number, digit = divmod(number, len(_SLUG_DIGITS))
        characters = _SLUG_DIGITS[digit] + characters
    slug = characters.rstrip("\0")
    return Owner(OwnerKind.SLUG, slug, slug) if not number and _IS_SLUG.fullmatch(slug) else None
