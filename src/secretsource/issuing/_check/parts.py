"""The parts that one `ApiKeys` works with."""

from __future__ import annotations

from typing import Any, NamedTuple

from secretsource.exceptions import ConfigurationError
from secretsource.issuing._key.locator import LocatorSeals
from secretsource.issuing._key.lookup import LookupKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from secretsource._clock import Clock
    from secretsource._listeners import Listeners
    from secretsource.issuing._check.event import CheckEvent
    from secretsource.issuing._check.present import Present
    from secretsource.issuing._check.record_cache import RecordCache
    from secretsource.issuing._check.turns import Turns
    from secretsource.issuing._check.uses import UseLog
    from secretsource.issuing._key.format import KeyFormat
    from secretsource.issuing._key.hashing import PepperSet
    from secretsource.limiters.base import AsyncLimiter, ImmediateLimiter, Limiter
    from secretsource.stores.base import AsyncKeyStore, ChangeFeed, KeyStore

    OnLimiterError = Literal["open", "closed", "local"]


class Parts(NamedTuple):
    """Everything that the flows work with.

    Attributes:
        store: Where records are kept.
        peppers: Newest first.
        seals: The locator seals of the same peppers.
        lookups: The keys of the same peppers to what imported records are found by.
        format: The grammar.
        clock: Where the time is read.
        present: The same for checks, where time does not go back.
        cache: Records read a moment ago.
        uses: What was seen since the last flush.
        limiter: Where limits are counted.
        fallback: Where limits are counted while a shared limiter is down.
        on_limiter_error: What to do while a shared limiter is down.
        processes: Among how many processes a limit is divided when each counts for itself.
        feed: Where news of changes is heard and told, beside the store's own.
        allow_unpeppered: Whether keys other than ``test`` keys may be minted without a pepper.
        imported: Whether keys that other systems issued are looked for.
        listeners: Who is told of each check.
        flush_every: Seconds between two flushes.
        aside: Calls a function that takes long with its arguments: here, or where it holds up no event loop.
        pause: Waits for so many seconds, in the same way.
        turns: Who verifies a hash of another system.
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

    def need_pepper(self, what: str) -> None:
        """See to it that nothing is hashed without a pepper, unless that was asked for.

        Args:
            what: What is not done without one.

        Raises:
            ConfigurationError: There is no pepper.
        """
        if self.peppers.is_empty and not self.allow_unpeppered:
            raise ConfigurationError(
                f"{what} without a pepper: set SECRETSOURCE_PEPPER to  openssl rand -base64 32, "
                "or give ApiKeys allow_unpeppered=True"
            )

    def renewed(self, peppers: PepperSet) -> Parts:
        """The same parts with other peppers; what was sealed with those until now is opened as before."""
        seals = LocatorSeals(peppers)
        seals.add(self.seals.known)
        return self._replace(peppers=peppers, seals=seals, lookups=LookupKeys(peppers))
