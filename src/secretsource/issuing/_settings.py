"""The settings of an `ApiKeys`, and the parts that are built from them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, TypedDict

from secretsource._callback import callable_with
from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource._ground.key_text import quote
from secretsource._ground.listeners import Listeners
from secretsource._ground.suggest import unknown
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._check.noting.uses import UseLog
from secretsource.issuing._check.parts import Parts
from secretsource.issuing._check.present import Present
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.issuing._check.turns import Turns
from secretsource.issuing._key.format import KeyFormat
from secretsource.issuing._key.hashing import PepperSet
from secretsource.issuing._key.locator import LocatorSeals
from secretsource.issuing._key.lookup import LookupKeys
from secretsource.issuing._manage.upkeep.attention import read_rules
from secretsource.limiters._registry import open_limiter
from secretsource.limiters.base import ImmediateLimiter
from secretsource.stores.feeds import ChangeFeed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from secretsource._ground.clock import Clock
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.event import CheckEvent
    from secretsource.issuing._check.parts import OnLimiterError
    from secretsource.issuing._key.rules import Rules
    from secretsource.issuing._manage.upkeep.attention import ChoreRules
    from secretsource.issuing._verdict import Verdict
    from secretsource.limiters.base import AsyncLimiter, Limiter
    from secretsource.stores.base import AsyncKeyStore, KeyStore

_ON_LIMITER_ERROR = ("open", "closed", "local")


def check_store(store: object, kind: type, other: type) -> None:
    """Check that a store is one; an object around a store need not be of its class.

    Args:
        store: A store; a caller may have its URL, or a variable that is not set.
        kind: `KeyStore`, or `AsyncKeyStore`.
        other: The one of the two that it must not be.

    Raises:
        ConfigurationError: It is not.
    """
    if isinstance(store, other) or not hasattr(store, "outbox"):
        raise ConfigurationError(
            f"the store must be of the class {kind.__name__}, not of type {type(store).__name__}: write"
            "  ApiKeys.open(URL)  or  AsyncApiKeys.open(URL)"
        )


class Settings(TypedDict, total=False):
    """The settings of an `ApiKeys` or `AsyncApiKeys`; everything has a default.

    Attributes:
        peppers: Texts of at least 16 bytes (or a `SecretSet`), newest first; an empty list means no pepper.
        format: The prefixes and environments to allow; any when left out.
        ttl: Seconds for which a record is used without reading it again; 5. Without news of changes, a key that another
            process revokes may stay valid for this long.
        miss_ttl: Seconds for which "there is no such key" is believed; 1.
        max_entries: Records to keep in memory; 100,000.
        limiter: A limiter, or its URL, such as ``redis://localhost:6379/0``, which `ApiKeys.close` closes too; limits
            are counted in this process's memory when left out.
        on_limiter_error: While a shared limiter is down: ``open`` (the default) lets all good keys in, ``closed``
            refuses them, ``local`` counts in this process's memory.
        processes: The number of processes among which ``local`` divides a limit; required with ``local``.
        feed: The source of changes by other processes, and the target of our own, for a store without news: a
            `RedisChangeFeed`, or an `AsyncRedisChangeFeed` for an `AsyncApiKeys`.
        allow_unpeppered: Whether keys other than ``test`` keys may be issued without a pepper; False.
        imported: Whether keys that other systems issued are looked up; False, which spares the store all junk.
        imported_at_once: Slow hashes of other systems that this process verifies at the same time; 1. A check that
            would wait for longer than two seconds is rejected with `Reason.VERIFIER_BUSY` (503).
        on_check: Called with each verdict as it is reached; it must return at once, and may raise. `ApiKeys.on_event`
            reports more, in a thread of its own.
        flush_every: Seconds between two flushes of last-used times; 10.
        note_clients: Whether the store keeps the addresses and user agents that used each key, for a day; True.
        clock: The source of the time.
        chores: The rules of the chores: what is told once, what is ended and what is deleted; see `ChoreRules`. Without
            any, they only tell that rotations are due.
        chores_every: Seconds between two runs of the chores beside the checks, from 1; None, which leaves them to
            `ApiKeys.run_chores` and to the command ``keys chores``.
    """

    peppers: Iterable[str] | PepperSet
    format: KeyFormat | None
    ttl: float
    miss_ttl: float
    max_entries: int
    limiter: Limiter | AsyncLimiter | str | None
    on_limiter_error: OnLimiterError
    processes: int
    feed: ChangeFeed | None
    allow_unpeppered: bool
    imported: bool
    imported_at_once: int
    on_check: Callable[[Verdict], None] | None
    flush_every: float
    note_clients: bool
    clock: Clock
    chores: ChoreRules | None
    chores_every: float | None


def assemble(
    store: KeyStore | AsyncKeyStore,
    aside: Callable[..., Any],
    pause: Callable[[float], Any],
    open_shared: Callable[[str], Limiter | AsyncLimiter],
    *,
    peppers: Iterable[str] | PepperSet = (),
    format: KeyFormat | None = None,
    ttl: float = 5.0,
    miss_ttl: float = 1.0,
    max_entries: int = 100_000,
    limiter: Limiter | AsyncLimiter | str | None = None,
    on_limiter_error: OnLimiterError = "open",
    processes: int | None = None,
    feed: ChangeFeed | None = None,
    allow_unpeppered: bool = False,
    imported: bool = False,
    imported_at_once: int = 1,
    on_check: Callable[[Verdict], None] | None = None,
    flush_every: float = 10.0,
    note_clients: bool = True,
    clock: Clock = SYSTEM_CLOCK,
    chores: ChoreRules | None = None,
    chores_every: float | None = None,
    **mistyped: object,
) -> Parts:
    """Put the parts together; `Settings` describes the arguments.

    Raises:
        ConfigurationError: A setting cannot work, or there is no such setting.
    """
    try:
        _check_wiring(mistyped)
        _check_numbers(ttl, miss_ttl, flush_every, max_entries, 1 if processes is None else processes, imported_at_once)
        _check_kinds(format, on_check, feed)
        _check_flags(allow_unpeppered=allow_unpeppered, imported=imported, note_clients=note_clients)
        counted = _counted(limiter, open_shared)
        _check_limiting(counted, on_limiter_error, processes)
        chosen = peppers if isinstance(peppers, PepperSet) else PepperSet(peppers)
    finally:
        del peppers, mistyped  # a traceback shows no pepper
    return Parts(
        store=store,
        peppers=chosen,
        seals=LocatorSeals(chosen),
        lookups=LookupKeys(chosen),
        format=format or KeyFormat(),
        clock=clock,
        present=Present(clock),
        cache=RecordCache(ttl=ttl, miss_ttl=miss_ttl, max_entries=max_entries),
        uses=UseLog(clients=note_clients),
        limiter=counted,
        fallback=_in_memory(),
        on_limiter_error=on_limiter_error,
        processes=1 if processes is None else processes,
        feed=feed,
        allow_unpeppered=allow_unpeppered,
        imported=imported,
        listeners=_listening(on_check),
        flush_every=flush_every,
        aside=aside,
        pause=pause,
        turns=Turns(imported_at_once),
        rules=_rules(store, chores, chores_every),
        chores_every=chores_every,
    )


def _rules(store: KeyStore | AsyncKeyStore, chores: ChoreRules | None, every: object) -> Rules:
    """Read the rules of the chores.

    Raises:
        ConfigurationError: A rule, or the time between two runs, cannot work.
    """
    if every is not None and not (isinstance(every, (int, float)) and every >= 1):
        raise ConfigurationError("chores_every must be a number of seconds from 1, or None")
    if every is not None and store.upkeep is None:
        raise ConfigurationError(f"chores_every must be None, because a {type(store).__name__} has no chores done")
    try:
        return read_rules(chores or {})
    except InvalidRequest as error:
        said = str(error)
    raise ConfigurationError(f"the chores cannot be done: {said}")


def closing(parts: Parts) -> Flow[None]:
    """Close a limiter that was opened by its URL, if it has a `close`."""
    close: Callable[[], Any] | None = getattr(parts.limiter, "close", None)
    if close is not None:
        yield close()


def _listening(on_check: Callable[[Verdict], None] | None) -> Listeners[CheckEvent]:
    """Return the first listeners."""
    listeners: Listeners[CheckEvent] = Listeners()
    if on_check is not None:
        listeners.add(lambda event: on_check(event.verdict))
    return listeners


def _check_numbers(ttl: float, miss_ttl: float, flush_every: float, *counts: float) -> None:
    if (
        all(isinstance(number, (int, float)) for number in (ttl, miss_ttl, flush_every, *counts))
        and ttl >= 0
        and miss_ttl >= 0
        and flush_every > 0
        and all(number >= 1 for number in counts)
    ):
        return
    raise ConfigurationError(
        "ttl and miss_ttl are seconds from 0, flush_every is over 0, "
        "max_entries, processes and imported_at_once are counts from 1"
    )


def _in_memory() -> ImmediateLimiter:
    limiter = open_limiter("memory://")
    assert isinstance(limiter, ImmediateLimiter)
    return limiter


def _counted(
    limiter: Limiter | AsyncLimiter | str | None, open_shared: Callable[[str], Limiter | AsyncLimiter]
) -> Limiter | AsyncLimiter:
    """Return the limiter that counts.

    Raises:
        ConfigurationError: It is not a limiter, or no limiter has this URL.
    """
    if limiter is None:
        return _in_memory()
    if isinstance(limiter, str):
        return open_shared(limiter)
    if callable(getattr(limiter, "draw", None)):
        return limiter
    raise ConfigurationError(
        f"limiter must be a limiter, such as a RedisLimiter, or its URL, not of type {type(limiter).__name__}"
    )


def _check_limiting(limiter: object, on_limiter_error: object, processes: int | None) -> None:
    if on_limiter_error not in _ON_LIMITER_ERROR:
        raise ConfigurationError(f"on_limiter_error must be open, closed or local, not {quote(on_limiter_error, 80)}")
    if processes is None and on_limiter_error == "local" and not isinstance(limiter, ImmediateLimiter):
        raise ConfigurationError(
            'on_limiter_error="local" grants each process a share of a limit: set processes to their number'
        )


def _check_wiring(mistyped: Iterable[str]) -> None:
    if find_spec("cryptography") is None:  # it is imported with the first key
        raise ConfigurationError("keys need the package cryptography: run  pip install 'secretsource[issuing]'")
    for name in mistyped:
        raise ConfigurationError(unknown("setting", name, Settings.__annotations__))


def _check_kinds(format: object, on_check: object, feed: object) -> None:
    if not isinstance(format, KeyFormat | None):
        raise ConfigurationError("format is a KeyFormat: write  KeyFormat(prefixes=[...])")
    if on_check is not None:
        callable_with(on_check, "a verdict", called="on_check")
    if not isinstance(feed, ChangeFeed | None):
        raise ConfigurationError(
            f"feed must be a ChangeFeed, such as a RedisChangeFeed, not of type {type(feed).__name__}"
        )


def _check_flags(**flags: object) -> None:
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ConfigurationError(f"{name} must be True or False, not {quote(flag, 80)}")
