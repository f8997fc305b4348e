"""The values that find the record of another system's key, before its first use and after. Pure.

`foreign` returns the digests and heads that may name a key. Until its first use, a record is found by one of these
names: it has the foreign hash beside it, so there is nothing to hide. From then on it is found by the keyed hash of the
name. A stolen database confirms no guess, and a row that is imported again is recognised, whatever happened to its key
since.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from hmac import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing._key.hashing import PepperSet


class LookupKeys:
    """Look-up values under a set of peppers: HMAC-SHA-256 under HKDF-SHA256, info ``secretsource lookup v1``.

    Args:
        peppers: Newest first.
    """

    __slots__ = ("_keys",)

    def __init__(self, peppers: PepperSet) -> None:
        self._keys = tuple(pepper.derive(b"secretsource lookup v1", 32) for pepper in peppers)

    def keyed(self, names: Iterable[bytes]) -> tuple[bytes, ...]:
        """Return the values that find used keys with these names: under the newest pepper, then each older one.

        Args:
            names: The result of `foreign.lookup`: 32 or 64 bytes each.

        Returns:
            32 bytes for each name and pepper.
        """
        names = tuple(names)
        return tuple(digest(key, name, "sha256") for key in self._keys for name in names)

    def every(self, names: Iterable[bytes]) -> tuple[bytes, ...]:
        """Return all values that may find a key with one of these names: the names, then their `keyed` values."""
        names = tuple(names)
        return (*names, *self.keyed(names))

    def renewed(self, lookup: bytes, among: tuple[bytes, ...]) -> bytes:
        """Return the value under the newest pepper for the same name.

        Args:
            lookup: The value that finds the record now.
            among: The result of `every` for the key.
        """
        names = len(among) // (1 + len(self._keys))
        return among[names + among.index(lookup) % names]
