"""The start of an ASGI application whose routes are checked first, and its connections whose key is checked late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._asgi.messages import STARTS, adding, is_last
from secretsource.integrations._shared.place import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from secretsource.integrations._asgi.messages import Message, Receive, Scope, Send
    from secretsource.integrations.routes import Stated
    from secretsource.issuing import Admission, Admitted

LATE = "secretsource.late"
"""The name of a `Late` in the scope of a connection."""


class Late:
    """A connection whose key is checked behind the router.

    Attributes:
        stated: The statement of each view of the application.
        admitted: The request once it is let in; None before.
        place: Its place among the requests at once, to be left when the application has ended.
    """

    __slots__ = ("admitted", "place", "stated")

    def __init__(self, stated: Mapping[object, Stated]) -> None:
        self.stated = stated
        self.admitted: Admitted | None = None
        self.place = Place()

    def let_in(self, admission: Admission, admitted: Admitted) -> None:
        """Note that the request is let in.

        Args:
            admission: The admission that let it in.
            admitted: The request.
        """
        self.admitted = admitted
        self.place.take(admission, admitted)

    def sending(self, scope: Scope, send: Send) -> Send:
        """Return a `send` that adds the headers for the key, if one is accepted by then, and leaves its place.

        Args:
            scope: The scope of the connection.
            send: The `send` of the server.
        """

        def send_with_headers(message: Message) -> Awaitable[None]:
            send_on = send
            if self.admitted is not None and message["type"] in STARTS:
                send_on = adding(self.admitted, scope, send)
            return self._send_last(message, send_on) if self.place.is_held and is_last(message) else send_on(message)

        return send_with_headers

    async def _send_last(self, message: Message, send: Send) -> None:
        """Send the last message of an answer, and leave the place of its request."""
        await send(message)
        await self.place.leave()


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
