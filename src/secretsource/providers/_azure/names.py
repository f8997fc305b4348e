"""The names that Key Vault allows, and the rewriting of every other name.

Key Vault takes 1 to 127 letters, digits and hyphens, and ignores case. So a bare name is rewritten: two different names
never meet, and the usual ones stay readable:

    in the name                           in Key Vault
    A to Z                                a to z
    0 to 9                                the same
    _                                     -
    a to z                                the same, after --l ("lower case from here on")
    A to Z, after lower case              a to z, after --u ("upper case from here on")
    -                                     --h
    _, where -- would come about          --s
    any other character                   --x, its code point in hexadecimal, -

`STRIPE_SECRET_KEY` becomes `stripe-secret-key`, `db_password` becomes `--ldb-password`, `DB__HOST` becomes
`db--s-host`. You can read such a name back: the letter after `--` says what it stands for, and any other `-` is an
underscore.

https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from functools import lru_cache
from itertools import zip_longest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Names: TypeAlias = Literal["either", "escaped", "plain"]

__all__ = ["WAYS", "is_secret_name", "is_version", "places_of", "plain_name", "secret_name"]

LONGEST = 127

_SECRET_NAME = re.compile(rf"[0-9A-Za-z-]{{1,{LONGEST}}}")
_VERSION = re.compile(r"[0-9A-Fa-f]{32}")


def is_secret_name(text: str) -> bool:
    """Return whether Key Vault allows a secret of this name."""
    return _SECRET_NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Return whether this can be the identifier of a version: 32 hexadecimal digits."""
    return _VERSION.fullmatch(text) is not None


@lru_cache(maxsize=1024)  # the same names are asked for again and again
def secret_name(name: str, prefix: str = "") -> str | None:
    """Return the name under which Key Vault stores a bare name; None if it would be too long.

    Args:
        name: Any name.
        prefix: The text before it, in Key Vault's own letters.
    """
    units = _units(name)
    written = (
        "--s" if unit == "-" and following.startswith("-") else unit
        for unit, following in zip_longest(units, units[1:], fillvalue="")
    )
    location = prefix + "".join(written)
    return location if name and is_secret_name(location) else None


@lru_cache(maxsize=1024)
def plain_name(name: str, prefix: str = "") -> str | None:
    """Return a bare name as people write it in Key Vault, with ``-`` for ``_``; None if Key Vault allows no such name.

    Two names may meet: ``DB_HOST``, ``db_host`` and ``db-host`` are all ``db-host``.

    Args:
        name: Any name.
        prefix: The text before it, in Key Vault's own letters.
    """
    written = name.replace("_", "-")
    if not name or not is_secret_name(prefix + written):
        return None
    return prefix + written.lower()


WAYS = {"either": (secret_name, plain_name), "escaped": (secret_name,), "plain": (plain_name,)}
"""How each setting writes a bare name: in this order, the vault is asked."""


def places_of(name: str, prefix: str, names: Names) -> tuple[str, ...]:
    """Return the names under which a bare name is looked for, in order; none if Key Vault allows no such name."""
    written = (write(name, prefix) for write in WAYS[names])
    return tuple(dict.fromkeys(place for place in written if place is not None))


def _units(name: str) -> list[str]:
    """Return the replacement of each character, before underscores are rewritten."""
    units: list[str] = []
    lower = False
    for character in name:
        if character.isascii() and character.isalpha():
            if character.islower() != lower:
                lower = not lower
                units.append("--l" if lower else "--u")
            units.append(character.lower())
        elif character.isascii() and character.isdecimal():
            units.append(character)
        elif character == "_":
            units.append("-")
        elif character == "-":
            units.append("--h")
        else:
            units.append(f"--x{ord(character):x}-")
    return units
