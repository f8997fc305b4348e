"""Adapt sentences of the library to a person at a terminal."""

from __future__ import annotations

__all__ = ["for_a_person", "with_site"]


def for_a_person(sentence: str) -> str:
    """Take out of a sentence the advice that only a program can follow."""
    from secretsource.resolver import FOR_PROGRAMS  # most commands meet no such sentence

    return sentence.replace(FOR_PROGRAMS, "")


def with_site(place: str, site: str) -> str:
    """Write a reference, and the site of its provider."""
    return f"{place} ({site})" if site and place else place
