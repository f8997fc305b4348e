"""A function of the application that is called later, judged when it is given and not when its time comes."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from functools import partial

from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    F = TypeVar("F")

__all__ = ["callable_with", "makes_coroutine"]

_COROUTINE = 0x80
"""The flag of a code object that makes a coroutine; importing `inspect` takes too long."""


def callable_with(
    given: F, of: str, *, called: str = "a listener", instead: str = "let it put the event into a queue"
) -> F:
    """Return the same function, if it can be called, and not only awaited.

    Args:
        given: The function; a caller may have confused it with its result, or with a coroutine function.
        of: Its argument, as the words after "a function of".
        called: Its name in the error.
        instead: The next step for the author of a coroutine function.

    Raises:
        ConfigurationError: It cannot be called, or its result would have to be awaited.
    """
    if not callable(given):
        raise ConfigurationError(f"{called} must be a function of {of}, not {type(given).__name__}")
    if makes_coroutine(given):
        raise ConfigurationError(
            f"{called} must be a plain function of {of}, not a coroutine function, which is not awaited: {instead}"
        )
    return given


def makes_coroutine(given: Any) -> bool:
    """Return whether calling this runs nothing of it before it is awaited."""
    while isinstance(given, partial):
        given = given.func
    called = getattr(type(given), "__call__", None)  # noqa: B004 - its code is wanted
    code = getattr(given, "__code__", None) or getattr(called, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _COROUTINE)
