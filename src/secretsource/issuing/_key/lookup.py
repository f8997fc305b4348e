"""What the record of another system's key is found by, before its first use and after. Pure.

`_foreign` says which digests and heads may name a key. Until it is used, a record is found by one of these names: it
has the foreign hash beside it, so there is nothing to hide. From then on it is found by what the pepper makes of the
name: a stolen database confirms no guess, and a row that is imported a second time is known again, whatever has become
of its key since.
"""

from __future__ import annotations

from hmac import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing._key.hashing import PepperSet


class LookupKeys:
    """Makes look-up values under a set of peppers: HMAC-SHA-256 under HKDF-SHA256, info ``secretsource lookup v1``.

    Args:
        peppers: Newest first.
    """

    __slots__ = ("_keys",)

    def __init__(self, peppers: PepperSet) -> None:
        self._keys = tuple(pepper.derive(b"secretsource lookup v1", 32) for pepper in peppers)

    def keyed(self, names: Iterable[bytes]) -> tuple[bytes, ...]:
        """What keys with these names are found by once they were used: under the newest pepper, then each older one.

        Args:
            names: What `_foreign.lookup` says: 32 or 64 bytes each.

        Returns:
            32 bytes for each name and pepper.
        """
        names = tuple(names)
        return tuple(digest(key, name, "sha256") for key in self._keys for name in names)

    def every(self, names: Iterable[bytes]) -> tuple[bytes, ...]:
        """All that a key may be found by, whichever of these names it has: the names, then as `keyed`."""
        names = tuple(names)
        return (*names, *self.keyed(names))

    def renewed(self, lookup: bytes, among: tuple[bytes, ...]) -> bytes:
        """The value under the newest pepper for the same name.

        Args:
            lookup: What the record is found by now.
            among: What `every` gave for the key.
        """
        names = len(among) // (1 + len(self._keys))
        return among[names + among.index(lookup) % names]
