"""Handlers of gRPC with a step around them; each keeps the shape of its method, or the call would break."""

from __future__ import annotations

from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

_OF_HTTP = frozenset({"content-type", "content-length", "cache-control", "vary"})


def behaviour_of(handler: Any) -> Any:
    """Return the function behind a handler of a method, or None.

    Args:
        handler: The handler, of any of the four shapes.
    """
    shapes = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
    return next((found for shape in shapes if (found := getattr(handler, shape, None)) is not None), None)


def rebuilt(handler: Any, behaviour: Any) -> Any:
    """Return a handler with another function, of the same shape.

    Args:
        handler: The handler.
        behaviour: The function.
    """
    asked, answered = (
        "stream" if each else "unary" for each in (handler.request_streaming, handler.response_streaming)
    )
    make = getattr(grpc, f"{asked}_{answered}_rpc_method_handler")
    return make(behaviour, handler.request_deserializer, handler.response_serializer)


def synchronous(handler: Any, around: Callable[[Any], AbstractContextManager[object]]) -> Any:
    """Return the function of a handler for threads, with a step around it.

    Args:
        handler: The handler.
        around: The step; it takes the context of the call.
    """
    behaviour = behaviour_of(handler)

    def one(request: Any, context: Any) -> Any:
        with around(context):
            return behaviour(request, context)

    def several(request: Any, context: Any) -> Iterator[Any]:
        with around(context):
            yield from behaviour(request, context)

    return several if handler.response_streaming else one


def runs_in_threads(handler: Any) -> bool:
    """Return whether a server of ``grpc.aio`` calls a handler in its threads: it does so unless that is a coroutine.

    Args:
        handler: The handler.
    """
    behaviour = behaviour_of(handler)
    return not (iscoroutinefunction(behaviour) or isasyncgenfunction(behaviour))


def asynchronous(handler: Any, around: Callable[[Any], AbstractAsyncContextManager[object]]) -> Any:
    """Return the function of a handler for an event loop, with a step around it.

    A method that answers in parts yields them, or writes them to its context.

    Args:
        handler: The handler.
        around: The step; it takes the context of the call.
    """
    behaviour = behaviour_of(handler)

    async def one(request: Any, context: Any) -> Any:
        async with around(context):
            return await behaviour(request, context)

    async def several(request: Any, context: Any) -> AsyncIterator[Any]:
        async with around(context):
            async for each in behaviour(request, context):
                yield each

    return several if isasyncgenfunction(behaviour) else one


def metadata_of(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return headers of HTTP as metadata, but those that only HTTP needs.

    Args:
        headers: The headers.
    """
    return tuple([(name.lower(), value) for name, value in headers if name.lower() not in _OF_HTTP])


def address_of(peer: str) -> str | None:
    """Return the address in a peer, or None for a socket of Unix.

    Args:
        peer: The peer as gRPC writes it: ``ipv4:127.0.0.1:50000`` or ``ipv6:%5B::1%5D:50000``.
    """
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in {"ipv4", "ipv6"} else None
