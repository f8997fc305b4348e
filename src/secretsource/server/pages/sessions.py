"""The sessions of the pages: who is signed in, and by which cookie."""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from time import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from secretsource.server.pages.guard import form_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing import AsyncApiKeys

__all__ = ["LINK_LIFE", "NOBODY", "Role", "Session", "Sessions"]

LINK_LIFE = 60.0
"""Seconds for which a link signs in."""


class Role(enum.StrEnum):
    """The role of a person on the pages."""

    NOBODY = "nobody"
    CUSTOMER = "customer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in, or is not yet.

    Attributes:
        role: The role of the person.
        subject: The id of the owner whose pages a customer sees; the name of an operator.
        facts: More about an operator, such as the id of its root key.
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


_KEPT: WeakKeyDictionary[object, tuple[dict[str, Any], dict[str, Any]]] = WeakKeyDictionary()
NOBODY = Session(Role.NOBODY)


class Sessions:
    """The sessions and links of this process.

    Args:
        keys: The keys, in whose process they are.
        idle: Seconds without a request after which a session ends.
        life: Seconds after which a session ends.
    """

    def __init__(self, keys: AsyncApiKeys, *, idle: float, life: float) -> None:
        self._idle = idle
        self._life = life
        self._links, self._sessions = _KEPT.setdefault(keys, ({}, {}))

    async def link(self, owner: str) -> str:
        """Make a link for an owner, and return its text."""
        text = secrets.token_urlsafe(32)
        self._links[_hashed(text)] = (owner, time() + LINK_LIFE)
        return text

    async def spend(self, text: str) -> str | None:
        """Return the owner of a link, which is spent now; None for a link that is unknown, spent or late."""
        owner, ends = self._links.pop(_hashed(text), ("", 0.0))
        return owner if ends > time() else None

    async def begin(self, role: Role, subject: str, facts: Mapping[str, str] | None = None) -> Session:
        """Begin a session, with a new cookie."""
        session = Session(role, subject, facts or {}, secrets.token_urlsafe(32))
        self._sessions[_hashed(session.cookie)] = (session, time() + self._life, time())
        return session

    async def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, unless it has ended."""
        session: Session
        session, ends, seen = self._sessions.get(_hashed(cookie), (NOBODY, 0.0, 0.0))
        now = time()
        if session is NOBODY or now >= ends or now - seen >= self._idle:
            return None
        self._sessions[_hashed(cookie)] = (session, ends, now)
        return session

    async def end(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(_hashed(cookie), None)


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()
