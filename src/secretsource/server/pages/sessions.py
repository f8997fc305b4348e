"""The sessions of the pages: the person that is signed in, and the cookie of the browser.

Links and sessions are passes of the key store (`AsyncApiKeys.passes`), so every process knows them, and a stop of the
service ends none.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsource.server.open_paths import links
from secretsource.server.pages.guard import form_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.settings import PagesSettings

__all__ = ["NOBODY", "Role", "Session", "Sessions"]


class Role(enum.StrEnum):
    """The role of a person on the pages."""

    NOBODY = "nobody"
    CUSTOMER = links.CUSTOMER
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in, or is not yet.

    Attributes:
        role: The role of the person.
        subject: The id of the owner whose pages a customer sees; the name of an operator.
        facts: More about the person, such as the id of the root key of an operator.
        cookie: The value of the cookie; never shown.
    """

    role: Role
    subject: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    cookie: str = field(default="", repr=False)

    @property
    def form_token(self) -> str:
        """The token of the forms of this session."""
        return form_token(self.cookie, f"{self.role}\0{self.subject}")


NOBODY = Session(Role.NOBODY)


class Sessions:
    """The sessions of the pages.

    Args:
        keys: The keys, whose store has the sessions.
        settings: The settings of the pages: when a session ends.
    """

    def __init__(self, keys: AsyncApiKeys, settings: PagesSettings) -> None:
        self._passes = keys.passes
        self._settings = settings

    async def spend(self, text: str) -> Session | None:
        """Return a new session of the customer of a link, which is spent now.

        The session is there before the link is gone, so a sign-out that ends all links, then all sessions, misses none.

        Args:
            text: The text of the link.

        Returns:
            The session; None for a link that is unknown, spent or late.
        """
        found = await self._passes.find(links.LINK, text)
        if found is None:
            return None
        session = await self.begin(Role.CUSTOMER, found.holder, json.loads(found.facts))
        if await self._passes.take(links.LINK, text) is None:
            await self.end(session)
            return None
        return session

    async def begin(self, role: Role, subject: str, facts: Mapping[str, str] | None = None) -> Session:
        """Return a new session, with a new cookie."""
        made = await self._passes.issue(role.value, subject, expires_in=self._settings.life, facts=facts)
        return Session(role, made.record.holder, dict(facts or {}), made.plaintext)

    async def find(self, role: Role, cookie: str) -> Session | None:
        """Return the session of a cookie, unless it has ended or is one of another role."""
        found = await self._passes.find(role.value, cookie, idle=self._settings.idle) if cookie else None
        return None if found is None else Session(role, found.holder, json.loads(found.facts), cookie)

    async def end(self, session: Session) -> None:
        """End a session."""
        await self._passes.take(session.role.value, session.cookie)
