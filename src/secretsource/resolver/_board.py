"""Which calls are planned and which are under way, and in which order they began (pure: the caller holds the lock).

    planned ──begin──> under way ──land──> over

A call that has not begun answers everyone who asks before it does. A call that has begun answers only readers who may
do with what the provider said at that moment: a forced read does not, since the value may have been replaced between.
Answers are kept in the order in which their calls began, in whatever order they arrive.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.resolver._flight import Flight
    from secretsource.resolver._resolution import Ask

__all__ = ["Board"]


class Board:
    """The flights of one resolver, by document; at most one is planned for each.

    Attributes:
        begun: How many calls have begun; the next one gets the number after it.
    """

    def __init__(self) -> None:
        self.begun = 0
        self._planned: dict[SecretRef, Flight] = {}
        self._aloft: dict[SecretRef, tuple[Flight, ...]] = {}

    def __len__(self) -> int:
        return len(self._planned) + sum(map(len, tuple(self._aloft.values())))

    def __repr__(self) -> str:
        return f"<Board of {len(self)} flights>"

    def find(self, ask: Ask, mono: float) -> Flight | None:
        """The flight that may answer an ask at ``mono``.

        A flight past its deadline is left alone: its thread hangs, or its event loop is no more. So is one that may
        bring a value only prolonged, where that will not do.
        """
        for flight in self._candidates(ask.ref):
            if mono > flight.until or flight.crossed:
                continue
            if not flight.number or (flight.number >= ask.since and (flight.anew or not ask.anew)):
                return flight
        return None

    def _candidates(self, ref: SecretRef) -> Iterator[Flight]:
        """The one under way before the planned one, which will land later."""
        latest = self.latest(ref)
        if latest is not None:
            yield latest
        planned = self._planned.get(ref)
        if planned is not None:
            yield planned

    def latest(self, ref: SecretRef) -> Flight | None:
        """The last call to have begun, while it is under way and its answer counts."""
        aloft = self._aloft.get(ref)
        return aloft[-1] if aloft and aloft[-1].counts else None

    def plan(self, flight: Flight) -> None:
        """Show a flight to those who come before it begins."""
        self._planned[flight.ask.ref] = flight

    def begin(self, flight: Flight, mono: float) -> None:
        """Its call goes out now: whoever comes from here on may come too late for it."""
        ref = flight.ask.ref
        if flight.ask.route.direct or flight.reply is not None:
            return
        flight.number = self.begun = self.begun + 1
        # One past its deadline may stand here for good, as when its event loop is no more.
        going = tuple(other for other in self._aloft.get(ref, ()) if not _over(other, mono))
        self._aloft[ref] = (*going, flight)
        if self._planned.get(ref) is flight:
            self._planned.pop(ref, None)

    def land(self, flight: Flight) -> bool:
        """Take a flight off the board; whether its answer may be kept."""
        ref = flight.ask.ref
        kept, flight.counts = flight.counts and flight.number > 0, False
        if self._planned.get(ref) is flight:
            self._planned.pop(ref, None)
        going = tuple(other for other in self._aloft.get(ref, ()) if other is not flight)
        if going:
            self._aloft[ref] = going
        else:
            self._aloft.pop(ref, None)
        return kept

    def answered(self, flight: Flight) -> None:
        """Its answer is known: those of calls to the same place that began before it count no more."""
        for other in self._aloft.get(flight.ask.ref, ()):
            if other.number < flight.number:
                other.counts = False

    def crossed(self, flight: Flight, outcome: Outcome) -> None:
        """Somebody has its answer: calls that were under way beside it may bring an older one, and are not joined."""
        for other in self._aloft.get(flight.ask.ref, ()):
            other.crossed = (*other.crossed, outcome)

    def disown(self, ref: SecretRef) -> None:
        """The answers of all calls under way to one place count no more: something newer is known to be there."""
        for flight in self._aloft.get(ref, ()):
            flight.counts = False

    def disown_all(self) -> None:
        """The answers of all calls under way count no more."""
        for ref in tuple(self._aloft):
            self.disown(ref)

    def forget(self) -> None:
        """Show no flight at all: those who carried them are gone."""
        self.disown_all()
        self._planned.clear()
        self._aloft.clear()


def _over(flight: Flight, mono: float) -> bool:
    """Whether the answer of a flight counts no more, as from its deadline on."""
    if mono > flight.until:
        flight.counts = False
    return not flight.counts
