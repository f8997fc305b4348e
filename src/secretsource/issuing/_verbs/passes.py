"""`keys.passes`: the links and sessions of people who look after keys on pages."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Any

    from secretsource.issuing._manage.registers.passes import IssuedPass, Passes
    from secretsource.stores.base import Pass

__all__ = ["AsyncPassRegister", "PassRegister"]


@boundaries()
class PassRegister:
    """The verbs of passes; the store has their hashes alone."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes

    def issue(
        self,
        kind: str,
        holder: str | int,
        *,
        expires_in: timedelta | float,
        facts: Mapping[str, Any] | None = None,
    ) -> IssuedPass:
        """Make a pass, such as a link that signs a customer in.

        Args:
            kind: Its purpose, 1 to 16 letters: ``link`` signs a customer in, ``session`` is a browser that is in.
            holder: The owner or operator that it is for.
            expires_in: Its life, as a timedelta or in seconds.
            facts: More about the holder: a small JSON object.

        Returns:
            Its text and its record.

        Raises:
            InvalidRequest: A field is not valid; nothing was stored.
            ConfigurationError: The store keeps no passes.
            StoreError: The store could not answer.
        """
        return run(self._passes.issue(kind, holder, expires_in, facts))

    def find(self, kind: str, text: str, *, idle: timedelta | float | None = None) -> Pass | None:
        """Find a pass that has not ended, and note its use.

        Args:
            kind: Its purpose.
            text: Its text.
            idle: Time without a use after which it has ended, as a timedelta or in seconds; None for any.

        Raises:
            StoreError: The store could not answer.
        """
        return run(self._passes.find(kind, text, idle))

    def take(self, kind: str, text: str) -> Pass | None:
        """Take a pass that has not ended; only one of all that try gets it.

        Args:
            kind: Its purpose.
            text: Its text.

        Raises:
            StoreError: The store could not answer.
        """
        return run(self._passes.take(kind, text))

    def end(self, kind: str | Sequence[str], *, holder: str | int) -> int:
        """End every pass of a kind and a holder, and return their number.

        Args:
            kind: Their purpose, or several, which end in this order: first what a new session is made from.
            holder: The owner or operator that they are for.

        Raises:
            StoreError: The store could not answer.
        """
        return run(self._passes.end(kind, holder))


@boundaries()
class AsyncPassRegister:
    """As `PassRegister`, word for word, for an event loop."""

    def __init__(self, passes: Passes) -> None:
        self._passes = passes

    async def issue(
        self,
        kind: str,
        holder: str | int,
        *,
        expires_in: timedelta | float,
        facts: Mapping[str, Any] | None = None,
    ) -> IssuedPass:
        """Do as `PassRegister.issue` does."""
        return await arun(self._passes.issue(kind, holder, expires_in, facts))

    async def find(self, kind: str, text: str, *, idle: timedelta | float | None = None) -> Pass | None:
        """Do as `PassRegister.find` does."""
        return await arun(self._passes.find(kind, text, idle))

    async def take(self, kind: str, text: str) -> Pass | None:
        """Do as `PassRegister.take` does."""
        return await arun(self._passes.take(kind, text))

    async def end(self, kind: str | Sequence[str], *, holder: str | int) -> int:
        """Do as `PassRegister.end` does."""
        return await arun(self._passes.end(kind, holder))
