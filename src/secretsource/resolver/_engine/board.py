"""Which calls are planned and which are under way, and in which order they began.

    planned ──begin──> under way ──land──> over

A call that has not begun answers every reader that asks before it does. A call that has begun answers only readers that
accept the value of that moment. A forced read does not: the value may have been replaced in between.
Answers are kept in the order in which their calls began, in whatever order they arrive.
"""

# pure: decides from its arguments, a clock among them; the caller holds the lock

from __future__ import annotations

from secretsource.resolver._engine.flight import Berth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.clock import Clock
    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.resolver._engine.flight import Flight
    from secretsource.resolver._walk.resolution import Ask

__all__ = ["Board"]


class Board:
    """The flights of one resolver, by document; at most one is planned for each.

    Attributes:
        begun: How many calls have begun; the next one gets the number after it.
    """

    def __init__(self) -> None:
        self.begun = 0
        self._berths: dict[SecretRef, Berth] = {}

    def __len__(self) -> int:
        return sum(len(berth.aloft) + (berth.planned is not None) for berth in tuple(self._berths.values()))

    def __repr__(self) -> str:
        return f"<Board of {len(self)} flights>"

    def find(self, ask: Ask, clock: Clock) -> Flight | None:
        """Return the flight that may answer an ask now.

        A flight past its deadline is left alone: its thread hangs, or its event loop is closed. So is one that may
        bring a value only prolonged, where a new one is needed.
        """
        berth = self._berths.get(ask.ref)
        if berth is None:
            return None
        mono = clock.now().mono
        # The one under way before the planned one, which will land later.
        for flight in (_latest(berth), berth.planned):
            if flight is None or mono > flight.until or flight.crossed:
                continue
            if not flight.number or (flight.number >= ask.since and (flight.anew or not ask.anew)):
                return flight
        return None

    def latest(self, ref: SecretRef) -> Flight | None:
        """Return the last call to have begun, while it is under way and its answer counts."""
        berth = self._berths.get(ref)
        return None if berth is None else _latest(berth)

    def is_carried_here(self) -> bool:
        """Return whether this thread carries any flight further up, in a driver, which may have a lock of its own."""
        flights = (flight for berth in tuple(self._berths.values()) for flight in (berth.planned, *berth.aloft))
        return any(flight is not None and flight.loop is None and flight.is_carried_here() for flight in flights)

    def plan(self, flight: Flight) -> None:
        """Show a flight to the readers that come before it begins."""
        berth = flight.berth = self._berths.setdefault(flight.ask.ref, Berth())
        berth.planned = flight

    def begin(self, flight: Flight, clock: Clock) -> None:
        """Note that its call goes out now: a reader that comes from here on may be too late for it."""
        berth = flight.berth
        if berth is None or flight.reply is not None:
            return
        flight.number = self.begun = self.begun + 1
        going = berth.aloft
        if going:
            # One past its deadline may stand here for good, as when its event loop is closed.
            mono = clock.now().mono
            going = tuple(other for other in berth.aloft if not _over(other, mono))
        berth.aloft = (*going, flight)
        if berth.planned is flight:
            berth.planned = None

    def land(self, flight: Flight) -> bool:
        """Take a flight off the board; whether its answer may be kept."""
        berth = flight.berth
        kept, flight.counts = flight.counts and flight.number > 0, False
        if berth is None:
            return False
        if berth.planned is flight:
            berth.planned = None
        berth.aloft = () if berth.aloft == (flight,) else tuple(other for other in berth.aloft if other is not flight)
        # One past its deadline may have left its berth before it lands, and must not take away that of those after it.
        if berth.planned is None and not berth.aloft and self._berths.get(flight.ask.ref) is berth:
            self._berths.pop(flight.ask.ref, None)
        return kept

    def answered(self, flight: Flight) -> None:
        """Discard the answers of calls to the same place that began before this one, whose answer is known."""
        berth = self._berths.get(flight.ask.ref)
        for other in () if berth is None else berth.aloft:
            if other.number < flight.number:
                other.counts = False

    def crossed(self, flight: Flight, outcome: Outcome) -> None:
        """Let no reader join the calls beside it: a reader has its answer, and they may bring an older one."""
        berth = self._berths.get(flight.ask.ref)
        for other in () if berth is None else berth.aloft:
            other.crossed = (*other.crossed, outcome)

    def disown(self, ref: SecretRef) -> None:
        """Discard the answers of all calls under way to one place: something newer is known to be there."""
        berth = self._berths.get(ref)
        if berth is not None:
            _disown(berth)

    def disown_all(self) -> None:
        """Discard the answers of all calls under way."""
        for berth in tuple(self._berths.values()):
            _disown(berth)

    def forget(self) -> None:
        """Show no flight at all: the threads that carried them are gone."""
        for berth in tuple(self._berths.values()):
            _disown(berth)
            berth.planned, berth.aloft = None, ()
        self._berths = {}


def _latest(berth: Berth) -> Flight | None:
    return berth.aloft[-1] if berth.aloft and berth.aloft[-1].counts else None


def _disown(berth: Berth) -> None:
    for flight in berth.aloft:
        flight.counts = False


def _over(flight: Flight, mono: float) -> bool:
    """Return whether a flight is past its deadline; if so, its answer counts no more."""
    if mono <= flight.until:
        return False
    flight.counts = False
    return True
