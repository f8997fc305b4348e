"""Registers beside the keys, adapted to an event loop or to threads: one function each way calls the methods."""

from __future__ import annotations

from types import resolve_bases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["adapted"]


def adapted(contract: Callable[..., T], register: object | None, ask: Callable[..., Any]) -> T | None:
    """Return a register of a contract whose methods ask those of another register, if there is one.

    Args:
        contract: The abstract class to return one of, such as `AsyncOutbox`.
        register: The other register, with methods of the same names and arguments.
        ask: Calls a method of it with its arguments, and returns what a method of the contract returns: for an event
            loop something to await, for threads the answer.
    """
    if register is None:
        return None
    kind: Any = resolve_bases((contract,))[0]  # without the kind of its records
    made: Any = type(f"Adapted{kind.__name__}", (kind,), {name: _asked(name) for name in kind.__abstractmethods__})()
    made._register, made._ask = register, ask
    found: T = made
    return found


def _asked(name: str) -> Callable[..., Any]:
    """Return a method that asks the register by the method of the same name."""

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return self._ask(getattr(self._register, name), *arguments, **named)

    method.__name__ = name
    return method
