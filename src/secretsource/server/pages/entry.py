"""The ways in: by a cookie of ours, or by the session of the application that the pages are a part of."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

from secretsource.issuing import owner_id
from secretsource.server.pages.sessions import Role, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    from secretsource.server.pages.sessions import Sessions
    from secretsource.server.pages.visit import Visit
    from secretsource.server.service import Scope

    OwnerOf: TypeAlias = Callable[[Scope], Awaitable[str | None]]

__all__ = ["Cookies", "Entry", "HostSession"]


class Entry(Protocol):
    """A way in.

    Attributes:
        doors: The page where each role signs in; a role without one signs in elsewhere.
    """

    doors: Mapping[Role, str]

    async def session(self, visit: Visit, role: Role) -> Session | None:
        """Return the session of a visit in a role, or None if the person is not signed in."""
        ...


class Cookies:
    """The way in of the service: a portal link or a root key began a session, and the browser has its cookie.

    Args:
        sessions: The sessions.
    """

    doors: Mapping[Role, str] = {Role.CUSTOMER: "/portal/sign-in", Role.OPERATOR: "/operator/sign-in"}

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def session(self, visit: Visit, role: Role) -> Session | None:
        """Return the session of the cookie; see `Entry.session`."""
        return await self._sessions.find(role, visit.cookie(role))


class HostSession:
    """The way in of an application of yours: it says which of its customers a request comes from.

    The cookie of ours is then only what the tokens of the forms follow from.

    Args:
        owner_of: Returns the owner whose keys the person may see, from the scope of ASGI; None for nobody.
    """

    doors: Mapping[Role, str] = {}

    def __init__(self, owner_of: OwnerOf) -> None:
        self._owner_of = owner_of

    async def session(self, visit: Visit, role: Role) -> Session | None:
        """Return the session of the application's customer, whose id gets its only spelling; see `Entry.session`.

        Raises:
            InvalidRequest: No customer can have such an id.
        """
        owner = await self._owner_of(visit.request.scope) if role is Role.CUSTOMER else None
        if not owner:
            return None
        cookie = visit.cookie(role)
        session = Session(role, owner_id(owner), cookie=cookie or secrets.token_urlsafe(32))
        if not cookie:
            visit.keep(session)
        return session
