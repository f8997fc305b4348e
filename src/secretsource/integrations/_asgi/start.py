"""The start of an ASGI application whose routes are checked first, and its connections whose key is checked late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.messages import STARTS, adding, adding_to_socket, is_last
from secretsource.integrations._shared.place import Place
from secretsource.integrations._shared.recheck import Recheck

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from secretsource.integrations._asgi.messages import Message, Receive, Send
    from secretsource.integrations.routes import Stated
    from secretsource.issuing import Admission, Admitted


def late_name(dependency: object) -> str:
    """Return the name of the `Late` of a dependency in the scope of a connection.

    Args:
        dependency: The dependency; an application may have several.
    """
    return f"secretsource.late.{id(dependency):x}"


class Late:
    """A connection whose key is checked behind the router.

    Args:
        stated: The statement of each view of the application.
        kind: Its type, ``http`` or ``websocket``.
        send: The `send` of the server.

    Attributes:
        is_good: The question whether the key of a web socket is still good; None for HTTP.
        stated: As given.
        admitted: The request once it is let in; None before.
        place: Its place among the requests at once, to be left when the application has ended; None for nearly all.
    """

    __slots__ = ("_send", "admitted", "is_good", "place", "stated")

    def __init__(self, stated: Mapping[object, Stated], kind: str, send: Send) -> None:
        self.is_good = None if kind == "http" else Recheck()
        self.stated = stated
        self.admitted: Admitted | None = None
        self.place: Place | None = None
        self._send = send

    def take_place(self, admission: Admission, admitted: Admitted) -> None:
        """Take a place for the request, whose key has so many at once.

        Args:
            admission: The admission that let it in.
            admitted: The request.
        """
        self.place = Place()
        self.place.take(admission, admitted)

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message of the application, with the headers for the key if one is accepted by then.

        The last message leaves the place of the request.

        Args:
            message: The message.
        """
        send, admitted, kind = self._send, self.admitted, message["type"]
        if admitted is not None and kind in STARTS:
            if kind == "http.response.start":
                return adding(admitted.headers)(send, message)
            return adding_to_socket(admitted, send)(message)
        if self.place is not None and is_last(message):
            return self._send_last(message, self.place)
        return send(message)

    async def _send_last(self, message: Message, place: Place) -> None:
        await self._send(message)
        await place.leave()


async def start(check: Callable[[], object], receive: Receive, send: Send) -> None:
    """Check the routes when the server starts the application, and refuse to start where one states no scope.

    Args:
        check: The check.
        receive: The `receive` of the lifespan.
        send: The `send` of the lifespan.

    Raises:
        ConfigurationError: A route states no scope; the server has been told.
    """
    try:
        check()
    except ConfigurationError as error:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        raise
