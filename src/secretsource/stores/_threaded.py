"""Registers beside the keys, for an event loop: each question is asked where the store asks its own."""

from __future__ import annotations

from types import resolve_bases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["threaded"]


def threaded(contract: Callable[..., T], register: object | None, ask: Callable[..., Awaitable[Any]]) -> T | None:
    """Return a register for an event loop, if the store for threads has one.

    Args:
        contract: The abstract class to return one of, such as `AsyncOutbox`.
        register: The register for threads, with methods of the same names and arguments.
        ask: Calls a function with its arguments where it does not block the event loop.
    """
    if register is None:
        return None
    kind: Any = resolve_bases((contract,))[0]  # without the kind of its records
    asked = {name: _asked(name) for name in kind.__abstractmethods__}
    made: Any = type(f"Threaded{kind.__name__}", (kind,), asked)()
    made._register, made._ask = register, ask
    adapted: T = made
    return adapted


def _asked(name: str) -> Callable[..., Awaitable[Any]]:
    """Return a method that asks the register by the method of the same name."""

    async def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return await self._ask(getattr(self._register, name), *arguments, **named)

    method.__name__ = name
    return method
