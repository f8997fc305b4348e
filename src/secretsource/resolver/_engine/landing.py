"""How a task of asyncio waits for a flight, whichever thread or task carries it."""

from __future__ import annotations

import asyncio
from threading import get_ident

from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.resolver._engine.flight import Flight

__all__ = ["landing", "running_loop"]


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of asyncio that runs in this thread.

    Raises:
        ConfigurationError: There is no such loop, as in a program of trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    raise ConfigurationError(
        "an asynchronous look-up must be awaited on a running event loop of asyncio, not of trio or of nothing: "
        "call get_secret or a Resolver there, in a thread"
    )


async def landing(flight: Flight, until: float, left: Callable[[], float]) -> None:
    """Wait until a flight has landed, or the time is over; a task that is cancelled meanwhile takes no flight along.

    Args:
        flight: The flight to wait for.
        until: The monotonic second at which the time is over.
        left: The seconds until then, asked for only where the flight may land later.
    """
    loop, here = running_loop(), get_ident()
    landed = loop.create_future()

    def let_go() -> None:
        if not landed.done():
            landed.set_result(None)

    def wake() -> None:
        try:
            if get_ident() == here:
                let_go()
            else:
                loop.call_soon_threadsafe(let_go)
        except RuntimeError:
            # The loop was closed while the flight was under way: nobody is waiting here any more.
            return

    over = None
    try:
        if flight.loop is not loop or flight.until > until:
            over = loop.call_later(max(0.0, left()), let_go)
        flight.on_landing(wake)
        await landed
    finally:
        flight.forget(wake)
        if over is not None:
            over.cancel()
