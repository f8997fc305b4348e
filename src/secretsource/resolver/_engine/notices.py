"""Log lines about look-ups: three kinds of trouble, a line for each provider and kind, at a bounded rate.

They need no listener. They say that old values are served, that a provider refuses a secret, or that it cannot be used
as it is set up. A line shows no value, and no name or place of a secret; `on_event` gives the names.
"""

from __future__ import annotations

from threading import RLock

from secretsource.providers.base import Failed, FailureCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.resolver._walk.resolution import Resolution
    from secretsource.resolver._walk.route import Chain

__all__ = ["EVERY", "Notices", "troubles"]

EVERY = 60.0
"""Seconds in which one kind of trouble at one provider has at most one line."""

STALE = "provider %r%s cannot be asked (%s): old values are served, until they reach max_stale"
DENIED = "provider %r%s refuses a secret (%s): its old value is not served any more"
WIRING = "provider %r%s cannot be used as it is set up (%s): run  secretsource doctor"

_DENIALS = frozenset({FailureCode.DENIED.value, FailureCode.DISABLED.value, FailureCode.DELETED.value})
_FAULTS = frozenset({FailureCode.MISCONFIGURED.value, FailureCode.UNAUTHENTICATED.value})


def troubles(result: Resolution) -> Iterator[tuple[str, str, str]]:
    """Yield the troubles of a look-up: the kind, the provider and the failure code of each.

    A fault of the wiring counts even if the chain went on behind it; a refusal only if the look-up ended with it.
    """
    for step in result.steps:
        if step.outcome in _FAULTS:
            yield WIRING, step.provider, step.outcome
    outcome = result.outcome
    if isinstance(outcome, Failed):
        code = outcome.code.value
        if code in _FAULTS:  # a pointer that leads nowhere has no step of its own
            yield WIRING, result.ref.provider, code
        elif code in _DENIALS:
            yield DENIED, result.ref.provider, code
    elif result.served == "stale" and result.doubt is not None:
        failed, place = result.doubt
        yield STALE, place.provider, failed.code.value


class Notices:
    """The lines of one resolver.

    Attributes:
        quiet: Whether nothing is logged, as where the same is said in another way.
    """

    def __init__(self) -> None:
        self.quiet = False
        self._due: dict[tuple[str, str], float] = {}
        self._lock = RLock()

    def tell(self, result: Resolution, chain: Chain) -> None:
        """Log what went wrong in a look-up, unless it was logged a short time ago."""
        for kind, provider, code in troubles(result):
            if not self.quiet and self._is_due((kind, provider), result.at.mono):
                import logging

                route = chain.opened.get(provider)
                site = "" if route is None else route.provider.site
                logging.getLogger("secretsource").warning(kind, provider, f" ({site})" if site else "", code)

    def _is_due(self, line: tuple[str, str], mono: float) -> bool:
        """Return whether a line may be logged now; if so, it is not again for a while."""
        with self._lock:
            due = mono >= self._due.get(line, mono)
            if due:
                self._due[line] = mono + EVERY
            return due

    def after_fork(self) -> None:
        """Replace the lock in the child of a fork: the thread that held it may be gone."""
        self._lock = RLock()
