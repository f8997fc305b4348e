"""One flight per reference: who asks first asks for all, and everybody gets what it brings, failure included.

A flight is joined by threads (which wait) and by tasks (which are called back), so that `get_secret` and
`aget_secret` never ask for the same thing twice. Nothing here knows what is fetched.
"""

from __future__ import annotations

from threading import Event, get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource.resolver._resolution import Ask, Reply
    from secretsource.resolver._route import Route

__all__ = ["Claim", "Flight"]


class Flight:
    """One call under way.

    Args:
        ask: What is being fetched.
        until: Monotonic second of its deadline; nobody joins it after that.
        anew: Whether the driver is to give up what it holds for this document.

    Attributes:
        pilot: Identifier of the thread that carries the flight, for a reader on that thread, which must not wait for
            itself; None while the flight waits for a thread.
    """

    __slots__ = ("_callbacks", "_landed", "anew", "ask", "pilot", "reply", "until")

    def __init__(self, ask: Ask, until: float, *, anew: bool = False) -> None:
        self.ask = ask
        self.until = until
        self.anew = anew
        self.pilot: int | None = get_ident()
        self.reply: Reply | None = None
        self._landed = Event()
        self._callbacks: list[Callable[[], object]] = []

    def land(self, reply: Reply) -> None:
        """Give everyone who joined the reply."""
        self.reply = reply
        self._landed.set()
        for callback in list(self._callbacks):
            self._call(callback)

    def wait(self, timeout: float) -> Reply | None:
        """Block until the flight has landed, at most ``timeout`` seconds; None when it has not."""
        self._landed.wait(timeout)
        return self.reply

    def on_landing(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once the flight has landed, from the thread that lands it, or now if it has."""
        self._callbacks.append(callback)
        if self._landed.is_set():
            self._call(callback)

    def forget(self, callback: Callable[[], object]) -> None:
        """Do not call ``callback`` any more; it may have been called already."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def _call(self, callback: Callable[[], object]) -> None:
        # The thread that lands and the one that joins may both come here: whoever takes the callback out calls it.
        try:
            self._callbacks.remove(callback)
        except ValueError:
            return
        callback()


class Claim:
    """What one shell has to do for a batch of asks: fetch what it leads, wait for what others lead.

    Attributes:
        asks: The batch, in order.
        flights: The flight of each ask; None for one that is asked directly.
        led: Flights that this shell must fetch and settle.
    """

    __slots__ = ("asks", "flights", "led")

    def __init__(self, asks: Sequence[Ask]) -> None:
        self.asks = asks
        self.flights: list[Flight | None] = []
        self.led: list[Flight] = []

    def by_route(self) -> list[tuple[Route, list[Flight]]]:
        """The led flights, those of one provider together."""
        groups: dict[str, tuple[Route, list[Flight]]] = {}
        for flight in self.led:
            route = flight.ask.route
            groups.setdefault(route.provider.name, (route, []))[1].append(flight)
        return list(groups.values())
