"""Requests that hold a lease behind the middleware of ASGI, for keys with a limit such as ``5 at once``.

A lease is released when the last part of the answer was sent, or when the application ends, whichever comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.integrations._asgi.messages import is_last
from secretsource.integrations._shared.place import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.integrations._asgi.messages import Message, Receive, Send
    from secretsource.issuing import Admission, Admitted

__all__ = ["serve_leased"]


async def serve_leased(
    admission: Admission,
    admitted: Admitted,
    app: Callable[[Receive, Send], Awaitable[object]],
    receive: Receive,
    send: Send,
) -> None:
    """Serve a request that holds a lease.

    Args:
        admission: The admission that let it in.
        admitted: The request.
        app: The application, for this request.
        receive: As the server gives it.
        send: As the server gives it.
    """
    async with Place() as place:
        place.take(admission, admitted)

        async def send_on(message: Message) -> None:
            await send(message)
            if is_last(message):
                await place.leave()

        await app(receive, send_on)
