"""A view: one page, or one thing to do from a page. Each module of views has a tuple of them, ``VIEWS``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretsource.server.pages.sessions import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.responses import Response

    from secretsource.server.pages.visit import Visit

    Answer: TypeAlias = Callable[[Visit], Awaitable[Response]]

__all__ = ["View"]


class View(NamedTuple):
    """One route of the pages.

    Attributes:
        method: ``GET``, which changes nothing, or ``POST``, which needs the token of the form.
        path: The pattern of the path, such as ``/portal/keys/{key_id:key_id}``.
        name: The name of the operation, for the log and the figures.
        role: The role that it needs; `Role.NOBODY` for a page that anybody may see.
        answer: Answers a visit. The guard, the session and the form have been read before.
    """

    method: str
    path: str
    name: str
    role: Role
    answer: Answer
