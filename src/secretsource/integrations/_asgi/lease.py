"""Requests that hold a lease, for keys with a limit such as ``5 at once``: kept while they last, and released once.

A lease is released when the last part of the answer was sent, or when the application ends, whichever comes first. A
stream or a web socket that lasts longer has its lease renewed at each third of its time.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable, Callable

    from secretsource.integrations._asgi.messages import Message, Receive, Send
    from secretsource.issuing import Admission, Admitted

__all__ = ["serve_leased"]

_RENEWING: set[Task[None]] = set()
"""Renewals under way; a loop keeps no task that nobody else does."""


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
    lease = _Lease(admission, admitted)

    async def send_on(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await lease.end()

    try:
        await app(receive, send_on)
    finally:
        await lease.end()


class _Lease:
    """The lease of one request."""

    __slots__ = ("_admission", "_admitted", "_every", "_has_ended", "_timer")

    def __init__(self, admission: Admission, admitted: Admitted) -> None:
        self._admission = admission
        self._admitted = admitted
        self._every = (admission.lease(admitted) or 0.0) / 3
        self._has_ended = False
        self._wait()

    def _wait(self) -> None:
        self._timer = get_running_loop().call_later(self._every, self._begin)

    def _begin(self) -> None:
        task = get_running_loop().create_task(self._renew())
        _RENEWING.add(task)
        task.add_done_callback(_RENEWING.discard)

    async def _renew(self) -> None:
        await self._admission.arenew(self._admitted)
        if not self._has_ended:
            self._wait()

    async def end(self) -> None:
        """Release the lease, once."""
        if not self._has_ended:
            self._has_ended = True
            self._timer.cancel()
            await self._admission.arelease(self._admitted)
