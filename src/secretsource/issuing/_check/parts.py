"""The parts of one `ApiKeys`."""

from __future__ import annotations

from typing import Any

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError
from secretsource.issuing._key.locator import LocatorSeals
from secretsource.issuing._key.lookup import LookupKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from secretsource._ground.clock import Clock
    from secretsource._ground.listeners import Listeners
    from secretsource.issuing._check.event import CheckEvent
    from secretsource.issuing._check.noting.uses import UseLog
    from secretsource.issuing._check.present import Present
    from secretsource.issuing._check.record_cache import RecordCache
    from secretsource.issuing._check.turns import Turns
    from secretsource.issuing._key.format import KeyFormat
    from secretsource.issuing._key.hashing import PepperSet
    from secretsource.issuing._key.rules import Rules
    from secretsource.limiters.base import AsyncLimiter, ImmediateLimiter, Limiter
    from secretsource.stores.base import AsyncKeyStore, ChangeFeed, KeyStore

    OnLimiterError = Literal["open", "closed", "local"]


class Parts(NamedTuple):
    """The parts that the flows work with.

    Attributes:
        store: The store of the records.
        peppers: The peppers, newest first.
        seals: The locator seals of the same peppers.
        lookups: The keys of the same peppers for the values that imported records are found by.
        format: The grammar of keys.
        clock: The clock that the time is read from.
        present: The clock of checks, which does not go back.
        cache: Records read a moment ago.
        uses: Uses since the last flush.
        limiter: The limiter that counts.
        fallback: The limiter that counts while a shared limiter is down.
        on_limiter_error: The choice for checks while a shared limiter is down.
        processes: The number of processes that share a limit when each counts for itself.
        feed: The feed that receives and announces changes, beside the store's own.
        allow_unpeppered: Whether keys other than ``test`` keys may be minted without a pepper.
        imported: Whether to look for keys that other systems issued.
        listeners: The listeners to each check.
        flush_every: Seconds between two flushes.
        aside: Calls a slow function with its arguments: here, or where it does not block an event loop.
        pause: Waits for so many seconds, in the same way.
        turns: The turns of checks that verify a hash of another system.
        rules: The rules of the chores.
        chores_every: Seconds between two runs of the chores in the background; None for no such runs.
    """

    store: KeyStore | AsyncKeyStore
    peppers: PepperSet
    seals: LocatorSeals
    lookups: LookupKeys
    format: KeyFormat
    clock: Clock
    present: Present
    cache: RecordCache
    uses: UseLog
    limiter: Limiter | AsyncLimiter
    fallback: ImmediateLimiter
    on_limiter_error: OnLimiterError
    processes: int
    feed: ChangeFeed | None
    allow_unpeppered: bool
    imported: bool
    listeners: Listeners[CheckEvent]
    flush_every: float
    aside: Callable[..., Any]
    pause: Callable[[float], Any]
    turns: Turns
    rules: Rules
    chores_every: float | None

    def need_pepper(self, what: str) -> None:
        """Refuse to hash anything without a pepper, unless the settings allow it.

        Args:
            what: The work that needs a pepper.

        Raises:
            ConfigurationError: There is no pepper.
        """
        if self.peppers.is_empty and not self.allow_unpeppered:
            raise ConfigurationError(
                f"{what} without a pepper: make one with  openssl rand -base64 32, and set SECRETSOURCE_PEPPER to it"
            )

    def renewed(self, peppers: PepperSet) -> Parts:
        """Return the same parts with other peppers; seals of the old ones still open."""
        seals = LocatorSeals(peppers)
        seals.add(self.seals.known)
        return self._replace(peppers=peppers, seals=seals, lookups=LookupKeys(peppers))
