"""The verbs of `ApiKeys` and `AsyncApiKeys` that have chores done, and that delete an owner for good."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by
from secretsource.issuing._manage.upkeep.attention import read_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.rules import Rules
    from secretsource.issuing._manage.upkeep.attention import ChoreRules
    from secretsource.issuing._manage.upkeep.purges import PurgeReport, Purges
    from secretsource.issuing._manage.upkeep.rounds import ChoreReport, Rounds

__all__ = ["AsyncKeyTending", "KeyTending"]

BY_CHORES = "chores"
"""The actor in the events of chores that a process does in the background."""
AT_ONCE = 1000
"""Keys that one run in the background looks at."""


class _Tending:
    """The parts that both shells work with."""

    _parts: Parts
    _purges: Purges
    _rounds: Rounds
    _chores_due: float = float("-inf")

    def _rules(self, given: ChoreRules) -> Rules:
        """Return the rules of the settings, with those that are given in their place."""
        return self._parts.rules._replace(**{name: getattr(read_rules(given), name) for name in given})

    def _is_time(self) -> bool:
        """Return whether the chores are due in the background, and note the next time."""
        every, now = self._parts.chores_every, self._parts.clock.now().mono
        if every is None or now < self._chores_due:
            return False
        self._chores_due = now + every
        return True


@boundaries()
class KeyTending(_Tending):
    """The verbs of `ApiKeys`."""

    if TYPE_CHECKING:

        def flush(self) -> None: ...

    def purge(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> PurgeReport:
        """Delete an owner for good: its registration, its keys with their events and uses, and its counted requests.

        Keys that have not ended are revoked first, so every process refuses them as soon as other revoked keys. One
        event ``purged`` stays in the history, with the owner's id. You may repeat a call that failed or was killed.

        Args:
            owner: The name or number that the keys were issued for.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that deletes it.
            origin: Its address or host name.

        Raises:
            InvalidRequest: No key can have such an owner.
            ConfigurationError: The store deletes nothing.
            StoreError: The store could not answer; call again.
        """
        return run(self._purges.purge(owner, by(actor, origin, reason)))

    def run_chores(
        self,
        *,
        limit: int = 1000,
        actor: str | None = BY_CHORES,
        origin: str | None = None,
        **rules: Unpack[ChoreRules],
    ) -> ChoreReport:
        """Look at the next keys of a round over all keys: tell once what is due, and end and delete as the rules say.

        Any process may call it, as often as you like; one at a time does the work. See the setting ``chores``.

        Args:
            limit: Number of keys to look at, 1 to 100,000.
            actor: The author in the events.
            origin: Its address or host name.
            rules: Rules in place of those of the settings; see `ChoreRules`.

        Returns:
            The numbers of this run, and whether the round is done.

        Raises:
            InvalidRequest: A rule or the limit is out of range.
            ConfigurationError: The store has no chores done.
            StoreError: The store could not answer; the next run goes on.
        """
        asked = self._rules(rules)
        self.flush()
        return run(self._rounds.run(asked, limit, by(actor, origin)))

    def _tend(self) -> None:
        """Do the chores in the background, if they are due."""
        if self._is_time():
            run(self._rounds.run(self._parts.rules, AT_ONCE, by(BY_CHORES, None)))


@boundaries()
class AsyncKeyTending(_Tending):
    """The verbs of `AsyncApiKeys`."""

    if TYPE_CHECKING:

        async def flush(self) -> None: ...

    async def purge(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> PurgeReport:
        """Do as `ApiKeys.purge` does."""
        return await arun(self._purges.purge(owner, by(actor, origin, reason)))

    async def run_chores(
        self,
        *,
        limit: int = 1000,
        actor: str | None = BY_CHORES,
        origin: str | None = None,
        **rules: Unpack[ChoreRules],
    ) -> ChoreReport:
        """Do as `ApiKeys.run_chores` does."""
        asked = self._rules(rules)
        await self.flush()
        return await arun(self._rounds.run(asked, limit, by(actor, origin)))

    async def _tend(self) -> None:
        """Do as `ApiKeys._tend` does."""
        if self._is_time():
            await arun(self._rounds.run(self._parts.rules, AT_ONCE, by(BY_CHORES, None)))
