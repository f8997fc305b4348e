"""The boundary where errors of ours lose the frames that they came through.

Error trackers send the locals of every frame of a traceback along. In our frames those are settings, addresses with a
password, texts of keys, rows of an import. So each public entry point is a boundary: a `SecretSourceError` leaves it
with its message and nothing else. Behind a boundary, code may raise errors wherever it notices them.

Hot methods contain the same lines (`bare`), because one more call would cost them too much.
"""

from __future__ import annotations

from functools import wraps
from types import FunctionType

from secretsource.exceptions import SecretSourceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable
    from typing import Any, ParamSpec, TypeVar

    Given = ParamSpec("Given")
    Result = TypeVar("Result")
    Raised = TypeVar("Raised", bound=SecretSourceError)
    Class = TypeVar("Class")

# The flags of a code object (https://docs.python.org/3/library/inspect.html#inspect-module-co-flags); importing
# `inspect` takes too long.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


def bare(error: Raised) -> Raised:
    """Remove the frames from an error, and from the errors behind it; raise it after the ``except`` block."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def traceless(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make a function a boundary: a plain one, a coroutine function, or a generator of either kind."""
    flags: int = function.__code__.co_flags
    if flags & _COROUTINE:
        return _coroutine(function)
    if flags & _GENERATOR:
        return _generator(function)
    if flags & _ASYNC_GENERATOR:
        return _async_generator(function)

    @wraps(function)
    def boundary(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except SecretSourceError as error:
            failure = bare(error)
        except BaseException:
            del args, kwargs  # of a call that Python refuses, or that Ctrl-C ends
            raise
        del args, kwargs
        raise failure

    return boundary


def boundaries(*, besides: Iterable[str] = ()) -> Callable[[type[Class]], type[Class]]:
    """Make each public method of a class a boundary, its constructor included.

    Args:
        besides: Hot methods, which have the boundary's lines in their own code.
    """
    inline = frozenset(besides)

    def guarded(made: type[Class]) -> type[Class]:
        for name, attribute in tuple(vars(made).items()):
            if name in inline or (name.startswith("_") and name != "__init__"):
                continue
            if isinstance(attribute, (classmethod, staticmethod)):
                setattr(made, name, type(attribute)(traceless(attribute.__func__)))
            elif isinstance(attribute, FunctionType):
                setattr(made, name, traceless(attribute))
        return made

    return guarded


def _coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def boundary(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except SecretSourceError as error:
            failure = bare(error)
        except BaseException:
            del args, kwargs  # of a call that Python refuses, or that Ctrl-C ends
            raise
        del args, kwargs
        raise failure

    return boundary


def _generator(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def boundary(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        try:
            return (yield from function(*args, **kwargs))
        except SecretSourceError as error:
            failure = bare(error)
        except BaseException:
            del args, kwargs  # of a call that Python refuses, or that Ctrl-C ends
            raise
        del args, kwargs
        raise failure

    return boundary


def _async_generator(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def boundary(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        items = function(*args, **kwargs)
        try:
            async for item in items:
                yield item
            return
        except SecretSourceError as error:
            failure = bare(error)
        except BaseException:
            del args, kwargs
            raise
        finally:
            await items.aclose()
        del args, kwargs
        raise failure

    return boundary
