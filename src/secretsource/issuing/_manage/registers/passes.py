"""The links and sessions of people who look after keys on pages: made, found, taken and ended."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from re import fullmatch

from secretsource._ground.key_text import quote, written
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._manage import field
from secretsource.stores.base import OwnerEvent, OwnerEventKind, Pass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Any

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import AsyncPassStore, PassStore

__all__ = ["IssuedPass", "Passes"]

TOUCHED_EVERY = 60.0
"""Seconds after which a use of a session is noted again."""
_BYTES = 32
_LONGEST_FACTS = 4096


class IssuedPass(NamedTuple):
    """A new link or session.

    Attributes:
        plaintext: Its text, 43 characters of ``A-Za-z0-9_-``; it is shown this once.
        record: Its record, with the hash of the text.
    """

    plaintext: str
    record: Pass

    def __repr__(self) -> str:
        return f"IssuedPass({self.record!r})"


class Passes:
    """The flows over passes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def issue(
        self, kind: str, holder: str | int, life: timedelta | float, facts: Mapping[str, Any] | None
    ) -> Flow[IssuedPass]:
        """Make a pass."""
        if not fullmatch("[a-z]{1,16}", written(kind)):
            raise InvalidRequest(f"kind must be 1 to 16 letters a to z, not {quote(kind)}")
        length, document = field.seconds(life, "expires_in"), _document(facts)
        if length <= 0:
            raise InvalidRequest(f"expires_in must be over 0 seconds, not {length:g}")
        now, text = self._parts.clock.now().wall, secrets.token_urlsafe(_BYTES)
        record = Pass(_hash(text), kind, field.owner_id(holder), now, now + length, now, document)
        yield self._store.put(record)
        return IssuedPass(text, record)

    def find(self, kind: str, text: str, idle: timedelta | float | None) -> Flow[Pass | None]:
        """Return a pass that has not ended, and note its use."""
        now, token = self._parts.clock.now().wall, _hash(text)
        found: Pass | None = yield self._store.get(token)
        if found is None or found.kind != kind or now >= found.ends:
            return None
        most = None if idle is None else field.seconds(idle, "idle")
        if most is not None and now - found.seen >= most:
            return None
        if now - found.seen >= min(TOUCHED_EVERY, TOUCHED_EVERY if most is None else most / 4):
            yield self._store.touch(token, now)
        return found

    def take(self, kind: str, text: str) -> Flow[Pass | None]:
        """Take a pass that has not ended."""
        found: Pass | None = yield self._store.take(_hash(text), kind)
        return None if found is None or self._parts.clock.now().wall >= found.ends else found

    def end(self, kind: str | Sequence[str], holder: str | int, by: By | None = None) -> Flow[int]:
        """End every pass of some kinds and a holder; an author is for an owner, whose history gets an event."""
        name, kinds = field.owner_id(holder), (kind,) if isinstance(kind, str) else tuple(kind)
        event = None
        if by is not None:
            now = self._parts.clock.now().wall
            event = OwnerEvent(name, OwnerEventKind.SIGNED_OUT, now, (), by.actor, by.origin, by.reason)
        ended: int = yield self._store.take_all(kinds, name, event)
        return ended

    @property
    def _store(self) -> PassStore | AsyncPassStore:
        passes = self._parts.store.passes
        if passes is None:
            raise ConfigurationError(
                f"a {type(self._parts.store).__name__} keeps no sessions: use a store in SQLite or PostgreSQL"
            )
        return passes


def _document(facts: Mapping[str, Any] | None) -> str:
    try:
        document = json.dumps(dict(facts or {}))
    except (TypeError, ValueError, RecursionError):
        document = ""
    if not 0 < len(document) <= _LONGEST_FACTS:
        raise InvalidRequest(f"facts must be a JSON object of at most {_LONGEST_FACTS} bytes")
    return document


def _hash(text: str) -> str:
    """Return the hash of a random text; it has 256 random bits, so nobody guesses it from a plain hash."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
