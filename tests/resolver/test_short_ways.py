"""Only a plain read of a name may let the next reads of it take a short way, which knows nothing but the name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource import Resolver
from secretsource.providers.base import SecretRef
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = '{"a": "1", "b": "2"}'


@pytest.fixture
def resolver() -> Resolver:
    """A resolver whose provider has a document, and no value that would be cheaper to ask for than to remember."""
    return Resolver([ScriptedProvider({"DOC": DOCUMENT})])


def short(resolver: Resolver) -> set[str]:
    """The names that have a short way."""
    return set(resolver._engine.state.shortcuts.hot)


PLAIN: dict[str, Callable[[Resolver], Any]] = {
    "get": lambda resolver: resolver.get("DOC"),
    "get_many": lambda resolver: resolver.get_many(["DOC"]),
}
OTHERS: dict[str, Callable[[Resolver], Any]] = {
    "a field": lambda resolver: resolver.get("DOC", field="a"),
    "forced": lambda resolver: resolver.get("DOC", fresh=True),
    "forced, many": lambda resolver: resolver.get_many(["DOC"], fresh=True),
    "a set": lambda resolver: resolver.get_set("DOC"),
    "an explanation": lambda resolver: resolver.explain("DOC"),
}


@pytest.mark.parametrize("read", PLAIN.values(), ids=PLAIN)
def test_a_plain_read_makes_the_next_ones_short(resolver: Resolver, read: Callable[[Resolver], Any]) -> None:
    """They are answered by one look-up."""
    assert short(resolver) == set()
    read(resolver)
    assert short(resolver) == {"DOC"}
    assert resolver.get("DOC") == DOCUMENT


@pytest.mark.parametrize("read", OTHERS.values(), ids=OTHERS)
def test_no_other_read_does(resolver: Resolver, read: Callable[[Resolver], Any]) -> None:
    """The next plain read of the name gets the whole value."""
    read(resolver)
    assert short(resolver) == set()
    assert resolver.get("DOC") == DOCUMENT


def test_a_version_has_no_short_way() -> None:
    """The next plain read gets the current one."""
    old = SecretRef("scripted", "DOC", version="1")
    resolver = Resolver([ScriptedProvider({"DOC": "current", old: "old"})])
    assert resolver.get("DOC", version="1") == "old"
    assert short(resolver) == set()
    assert resolver.get("DOC") == "current"


def test_a_name_that_is_asked_for_twice_is_answered_once(resolver: Resolver) -> None:
    """And what is known already is not asked for."""
    assert resolver.get_many(["DOC", "DOC"]) == {"DOC": DOCUMENT}
    assert resolver.get_many(["DOC", "NONE"], default=None) == {"DOC": DOCUMENT, "NONE": None}
