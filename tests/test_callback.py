"""Functions that are called later are judged when they are given."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, Mock

import pytest

from secretsource import AsyncResolver, Resolver, on_event, on_rotate, override
from secretsource._callback import callable_with, makes_coroutine
from secretsource.exceptions import ConfigurationError
from secretsource.issuing import ApiKeys
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable


async def late(event: object) -> None:
    """A coroutine function, which runs only if it is awaited."""


class Late:
    """Objects that are called, and methods."""

    async def __call__(self, event: object) -> None:
        """Do nothing."""

    async def method(self, event: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "given",
    [late, Late(), Late().method, Late.method, partial(late, 1), partial(Late()), AsyncMock()],
    ids=range(7),
)
def test_coroutine_functions(given: Any) -> None:
    """They are known whatever they are wrapped in."""
    assert makes_coroutine(given)
    with pytest.raises(ConfigurationError, match="a plain function of x, not a coroutine function"):
        callable_with(given, "x")


@pytest.mark.parametrize(
    "given",
    [print, [].append, partial(print, 1), lambda event: event, Mock(), dict, str.upper],
    ids=range(7),
)
def test_plain_functions(given: Any) -> None:
    """Anything else that can be called is right."""
    assert callable_with(given, "x") is given


def listening() -> dict[str, Callable[[Any], object]]:
    """Every place where a listener is given."""
    resolver = Resolver(["env"])
    keys = ApiKeys(MemoryStore(), peppers=["a pepper of this page, for show"])
    return {
        "on_rotate": resolver.on_rotate,
        "on_event": resolver.on_event,
        "async on_rotate": AsyncResolver.of(resolver).on_rotate,
        "async on_event": AsyncResolver.of(resolver).on_event,
        "default on_rotate": on_rotate,
        "default on_event": on_event,
        "keys": keys.on_event,
        "on_check": lambda given: ApiKeys(MemoryStore(), peppers=["a pepper of this page, for show"], on_check=given),
    }


@pytest.mark.parametrize("where", list(listening()))
@pytest.mark.parametrize("given", [3, "print", late])
def test_listeners_are_refused_at_once(where: str, given: Any) -> None:
    """The error comes where the mistake is, and not as a line of a log when the first event comes."""
    with pytest.raises(ConfigurationError, match=r"must be a plain function of|must be a function of|is a function of"):
        listening()[where](given)


def test_no_listener() -> None:
    """None is not a listener, except where it says that there is none."""
    for where, listen in listening().items():
        if where != "on_check":
            with pytest.raises(ConfigurationError, match=r"a listener must be a function of a .*Event, not NoneType"):
                listen(None)


@pytest.mark.parametrize(
    ("call", "is_auth_error", "said"),
    [
        (None, KeyError, "call must be a function of a secret, not NoneType"),
        (late, KeyError, "call must be a plain function .* use AsyncResolver.retrying"),
        (print, late, "is_auth_error must be a plain function of an error"),
    ],
)
def test_retrying(call: Any, is_auth_error: Any, said: str) -> None:
    """A coroutine would be returned before it is refused, and then no newer secret is tried."""
    with Resolver(["env"]) as resolver, pytest.raises(ConfigurationError, match=said):
        resolver.retrying("KEY", call, is_auth_error)


def test_retrying_on_an_event_loop() -> None:
    """There a coroutine function is right, and a value is not."""
    given: Any = "not a function"
    with pytest.raises(ConfigurationError, match="call must be a coroutine function of a secret, not str"):
        asyncio.run(AsyncResolver(["env"]).retrying("KEY", given, KeyError))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["A"], r"override must have a mapping, such as \{'NAME': 'value'\}, not list"),
        ("A", "not str"),
        (None, "not NoneType"),
        ({1: "x"}, "the name of an override must be a str, not int"),
    ],
)
def test_override(given: Any, said: str) -> None:
    """An override of another type is refused where it is written."""
    with pytest.raises(ConfigurationError, match=said):
        override(given)
