"""Sentences of the library as a person reads them on a terminal."""

from __future__ import annotations

from secretsource.resolver import FOR_PROGRAMS

__all__ = ["for_a_person", "with_site"]


def for_a_person(sentence: str) -> str:
    """A sentence without the advice that only a program can follow."""
    return sentence.replace(FOR_PROGRAMS, "")


def with_site(place: str, site: str) -> str:
    """A reference, and where its provider asks."""
    return f"{place} ({site})" if site and place else place
