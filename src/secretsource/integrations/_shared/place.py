"""The place of a request among those that are under way, for keys with a limit such as ``5 at once``, on an event loop.

A place is taken by the check of a key, and left once. A request that lasts long has its lease renewed at each third of
its time. Nearly all requests take no place, and pay for nothing here.
"""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Task, TimerHandle

    from secretsource.issuing import Admission, Admitted

__all__ = ["Place"]

_RENEWING: set[Task[None]] = set()
"""Renewals under way; an event loop holds its tasks weakly."""


class Place:
    """The place of one request; an ``async with`` block leaves it at its end.

    Attributes:
        is_held: Whether the request has taken a place, and has not left it.
    """

    __slots__ = ("_admission", "_admitted", "_every", "_timer", "is_held")

    _admission: Admission
    _admitted: Admitted
    _every: float
    _timer: TimerHandle

    def __init__(self) -> None:
        self.is_held = False

    def take(self, admission: Admission, admitted: Admitted) -> None:
        """Take the place of a request that was let in, if it has one.

        Args:
            admission: The admission that let it in.
            admitted: The request.
        """
        if admitted.lease is not None:
            self._admission, self._admitted, self._every = admission, admitted, admitted.lease / 3
            self.is_held = True
            self._wait()

    async def leave(self) -> None:
        """Leave the place; this does nothing for a request without one, or again."""
        if self.is_held:
            self.is_held = False
            self._timer.cancel()
            await self._admission.arelease(self._admitted)

    async def __aenter__(self) -> Place:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    def _wait(self) -> None:
        self._timer = get_running_loop().call_later(self._every, self._begin)

    def _begin(self) -> None:
        task = get_running_loop().create_task(self._renew())
        _RENEWING.add(task)
        task.add_done_callback(_RENEWING.discard)

    async def _renew(self) -> None:
        await self._admission.arenew(self._admitted)
        if self.is_held:
            self._wait()
