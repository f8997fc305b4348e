"""Coroutines that are awaited without asyncio, as in a program of trio: they say so, before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource import AsyncResolver, LiveSecret, Resolver, aget_secret, configure, get_secret
from secretsource.exceptions import ConfigurationError
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

WORDS = "must be awaited on a running event loop of asyncio, not of trio or of nothing: call get_secret"


def by_hand(coroutine: Coroutine[object, object, object]) -> object:
    """What the first step of a coroutine returns, for a caller that is no event loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        coroutine.close()
    return "waits"


@pytest.mark.parametrize(
    "ask",
    [
        lambda resolver: resolver.get("KEY"),
        lambda resolver: resolver.get("env://PATH"),
        lambda resolver: resolver.get_many(["KEY"]),
        lambda resolver: resolver.get_set("KEY"),
        lambda resolver: resolver.prefetch(["KEY"]),
        lambda resolver: resolver.explain("KEY"),
        lambda resolver: resolver.retrying("KEY", lambda _: None, KeyError),
        lambda resolver: LiveSecret("KEY", resolver=resolver).aget(),
        lambda resolver: resolver.close(),
    ],
    ids=range(9),
)
def test_every_question(ask: Callable[[AsyncResolver], Coroutine[object, object, object]]) -> None:
    """Also one that needs no loop here: the same name may be in the environment here, and at a service later."""
    memory = MemoryProvider({"KEY": "one"})
    resolver = AsyncResolver([memory])
    with pytest.raises(ConfigurationError, match=WORDS) as caught:
        by_hand(ask(resolver))
    assert caught.value.__context__ is None
    with Resolver([memory]) as other:
        assert other.get("KEY") == "one"


def test_a_remembered_value_needs_no_loop() -> None:
    """`aget_secret` answers from the memory that it shares with `get_secret`, whatever awaits it."""
    configure([MemoryProvider({"KEY": "one"})])
    with pytest.raises(ConfigurationError, match=WORDS):
        by_hand(aget_secret("KEY"))
    get_secret("KEY")
    assert by_hand(aget_secret("KEY")) == "one"
