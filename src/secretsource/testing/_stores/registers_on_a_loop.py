"""Asynchronous registers beside the keys as the cases for threads use them: each call is awaited on a loop."""

from __future__ import annotations

from types import resolve_bases
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Register = TypeVar("Register")

__all__ = ["on_a_loop"]


def on_a_loop(
    contract: Callable[..., Register], register: object | None, play: Callable[[Coroutine[Any, Any, Any]], Any]
) -> Register | None:
    """Return a register for the cases of threads, if the store under test has one.

    Args:
        contract: The abstract class to return one of, such as `Outbox`.
        register: The register under test, with awaited methods of the same names and arguments.
        play: Plays a coroutine on the loop of its store.
    """
    if register is None:
        return None
    kind: Any = resolve_bases((contract,))[0]  # without the kind of its records
    played = {name: _played(name) for name in kind.__abstractmethods__}
    made: Any = type(f"{kind.__name__}OnALoop", (kind,), played)()
    made._register, made._play = register, play
    adapted: Register = made
    return adapted


def _played(name: str) -> Callable[..., Any]:
    """Return a method that awaits the method of the same name."""

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return self._play(getattr(self._register, name)(*arguments, **named))

    method.__name__ = name
    return method
