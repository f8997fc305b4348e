"""The last round of chores of one process, and the figures of all its rounds for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

if TYPE_CHECKING:
    from secretsource.issuing import ChoreReport

__all__ = ["ChoreFigures", "LastRound"]


class LastRound(NamedTuple):
    """The last round that a process did or tried.

    Attributes:
        ended: Its end, in seconds since 1970 UTC.
        report: The numbers of the round; None if it failed.
    """

    ended: float
    report: ChoreReport | None


class ChoreFigures:
    """The figures of one process.

    Attributes:
        last: The last round; None before the first.
    """

    def __init__(self) -> None:
        self.last: LastRound | None = None
        self._registry = CollectorRegistry()
        self._rounds = Counter(
            "secretsource_chores_rounds",
            "Rounds of chores, by the outcome: done, busy (another process does them), stopped or failed.",
            ("outcome",),
            registry=self._registry,
        )
        self._keys = Counter(
            "secretsource_chores_keys",
            "Keys that the chores told of or ended: rotation_due, expiring, unused, revoked or deleted.",
            ("what",),
            registry=self._registry,
        )
        self._ended = Gauge(
            "secretsource_chores_last_round_timestamp_seconds",
            "The end of the last round of chores that was done, in seconds since 1970 UTC.",
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )

    def note(self, report: ChoreReport | None, now: float) -> None:
        """Note the end of a round.

        Args:
            report: The numbers of the round; None if it failed.
            now: The present, in seconds since 1970 UTC.
        """
        self.last = LastRound(now, report)
        self._rounds.labels(_outcome(report)).inc()
        if report is None:
            return
        if report.done:
            self._ended.set(now)
        for what, number in {**report.told, "revoked": report.revoked, "deleted": report.deleted}.items():
            self._keys.labels(what).inc(number)

    def text(self) -> bytes:
        """Return the figures of this process in the text format of Prometheus."""
        return generate_latest(self._registry)


def _outcome(report: ChoreReport | None) -> str:
    if report is None:
        return "failed"
    return "done" if report.done else "busy" if report.busy else "stopped"
