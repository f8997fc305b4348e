"""The word that somebody meant, when they wrote almost it."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["meant", "nearest", "unknown"]

LONGEST = 100
"""Longest word, in characters, for which a nearest one is looked for: the time for it grows with the square."""


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """Return the known word that is most like another one; upper and lower case, ``-`` and ``_`` count as the same.

    Args:
        word: The word that was written.
        known: The words that could have been meant.
        alike: How much of two words must be the same, from 0 to 1.
    """
    if len(word) > LONGEST:
        return None
    from difflib import get_close_matches

    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(_folded(each), each)
    near = get_close_matches(_folded(word), folded, 1, alike)
    return folded[near[0]] if near else None


def meant(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Ask whether the nearest known word was meant; empty without one, or if it is that very word."""
    near = nearest(word, known, alike)
    return "" if near is None or near == word else f"did you mean {near!r}?"


def unknown(kind: str, word: str, known: Iterable[str]) -> str:
    """Return one sentence for a word that is not known, with the nearest one that is, or with all of them."""
    known = tuple(known)
    hint = meant(word, known) or f"known are {', '.join(sorted(known))}"
    return f"unknown {kind} {word!r}: {hint}"


def _folded(word: str) -> str:
    return word.casefold().replace("-", "_")
