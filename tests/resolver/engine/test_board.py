"""Which flight answers whom: the order in which calls begin, by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource._ground.clock import Instant
from secretsource.providers.base import Found, SecretRef
from secretsource.resolver._engine.board import Board
from secretsource.resolver._engine.flight import Flight
from secretsource.resolver._walk.resolution import Ask, Reply
from secretsource.resolver._walk.route import Route
from secretsource.testing import FakeClock, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTE = Route(ScriptedProvider())
REF = SecretRef("scripted", "KEY")
PLAIN = Ask(ROUTE, REF)
UNTIL = 5.0
NOW = FakeClock(mono=0.0)


@pytest.fixture
def board() -> Board:
    return Board()


def planned(board: Board, *, anew: bool = False) -> Flight:
    flight = Flight(PLAIN, UNTIL, anew=anew)
    board.plan(flight)
    return flight


def begun(board: Board, *, anew: bool = False) -> Flight:
    flight = planned(board, anew=anew)
    board.begin(flight, NOW)
    return flight


def forced(board: Board) -> Ask:
    """What a forced read asks that begins now."""
    return PLAIN._replace(anew=True, since=board.begun + 1)


@pytest.mark.parametrize("make", [planned, begun])
def test_up_to_its_deadline(make: object, board: Board) -> None:
    """A flight is joined up to the second of its deadline, and not after it: its thread may hang."""
    flight = make(board)  # type: ignore[operator]
    assert board.find(PLAIN, FakeClock(mono=UNTIL)) is flight
    assert board.find(PLAIN, FakeClock(mono=UNTIL + 0.001)) is None


def test_forced_reads_share_what_has_not_begun(board: Board) -> None:
    """Whoever comes before the call begins is answered by it; whoever comes after is not, whoever leads it."""
    before = forced(board)
    flight = planned(board)
    assert board.find(before, NOW) is flight
    flight.anew = True
    board.begin(flight, NOW)
    assert board.find(before, NOW) is flight
    assert board.find(forced(board), NOW) is None
    assert board.find(PLAIN, NOW) is flight


def test_a_call_that_may_only_prolong(board: Board) -> None:
    """It does not answer a forced read, though it began after it."""
    before = forced(board)
    begun(board)
    assert board.find(before, NOW) is None


def test_a_later_answer_counts_an_earlier_one_does_not(board: Board) -> None:
    """Of two calls under way, the one that began first counts no more once the other has answered."""
    first, second = begun(board), begun(board)
    assert board.latest(REF) is second
    assert board.land(second)
    board.answered(second)
    assert not board.land(first)
    assert not len(board)


def test_an_earlier_answer_counts_while_the_later_call_is_under_way(board: Board) -> None:
    """So does the later one after it."""
    first, second = begun(board), begun(board)
    assert board.land(first)
    board.answered(first)
    board.crossed(first, Found("v"))
    assert board.find(PLAIN, NOW) is None, "which of the two is older is not known"
    assert board.land(second)


def test_disowned(board: Board) -> None:
    """News of a change disowns what is under way, and not what has not begun."""
    flying, waiting = begun(board), planned(board)
    board.disown(REF)
    assert board.find(PLAIN, NOW) is waiting
    assert not board.land(flying)
    board.begin(waiting, NOW)
    assert board.land(waiting)


def test_one_that_was_never_on_the_board(board: Board) -> None:
    """It has nothing to leave there, and what it brings is not kept."""
    flight = Flight(PLAIN, UNTIL)
    flight.number = 1
    assert board.land(flight) is False


def test_landed_once(board: Board) -> None:
    """What a flight brings after it has landed is not kept."""
    flight = begun(board)
    assert (board.land(flight), board.land(flight)) == (True, False)


def test_one_that_never_began(board: Board) -> None:
    """A flight that was let go before its call is off the board, keeps nothing, and begins no more."""
    flight = planned(board)
    assert not board.land(flight)
    flight.land(Reply(Found("v"), Instant(0, 0)))
    board.begin(flight, NOW)
    assert (len(board), flight.number) == (0, 0)


def test_one_that_was_replaced_before_it_began(board: Board) -> None:
    """It leaves the place of the next one to that one, which answers those who come after its begin."""
    first = planned(board)
    second = planned(board)
    board.begin(first, FakeClock())
    assert board.find(forced(board), NOW) is second


def test_one_whose_loop_is_no_more(board: Board) -> None:
    """A flight past its deadline stands on the board no longer than until the next call to its place."""
    lost = begun(board)
    flight = planned(board)
    board.begin(flight, FakeClock(mono=UNTIL + 1))
    assert len(board) == 1
    assert not board.land(lost)


def test_one_that_lands_after_its_deadline(board: Board) -> None:
    """It takes no flight off the board that began after it had left, and those know of what it brought."""
    late = begun(board)
    second = planned(board)
    board.begin(second, FakeClock(mono=UNTIL + 1))
    board.land(second)
    third = Flight(PLAIN, UNTIL + 9)
    board.plan(third)
    board.begin(third, FakeClock(mono=UNTIL + 2))
    assert not board.land(late)
    assert board.find(PLAIN, FakeClock(mono=UNTIL + 2)) is third
    board.crossed(late, Found("v"))
    assert len(third.crossed) == 1


def test_forgotten(board: Board) -> None:
    """In a forked child no flight is shown, and none that its parent began is kept."""
    flying = begun(board)
    planned(board)
    board.forget()
    assert len(board) == 0
    assert not board.land(flying)
    assert repr(board) == "<Board of 0 flights>"


def test_flights_are_counted(board: Board) -> None:
    """Those under way and those that are planned; a begun one is planned no longer."""
    begun(board)
    planned(board)
    assert (len(board), board.begun) == (2, 1)
    flight = begun(board)
    assert (len(board), board.begun, flight.number) == (2, 2, 2)


def test_a_late_landing_leaves_the_berth_of_the_others(board: Board) -> None:
    """One past its deadline that lands after its place was taken anew takes nothing away."""
    lost = begun(board)
    board.forget()
    flight = planned(board)
    assert not board.land(lost)
    assert board.find(PLAIN, NOW) is flight
    assert len(board) == 1


def test_a_place_without_flights_is_empty(board: Board) -> None:
    """Nothing of a flight is left when it has landed, and a planned one stays."""
    flight = begun(board)
    waiting = planned(board)
    assert board.land(flight)
    assert board.find(PLAIN, NOW) is waiting
    board.begin(waiting, NOW)
    assert board.land(waiting)
    assert board._berths == {}


def test_an_answer_counts_beside_itself(board: Board) -> None:
    """Only calls that began before it count no more."""
    first, second, third = begun(board), begun(board), begun(board)
    board.answered(second)
    assert (first.counts, second.counts, third.counts) == (False, True, True)


def test_all_are_disowned_at_once(board: Board) -> None:
    """What is under way counts no more, at every place."""
    flying = begun(board)
    other = Flight(Ask(ROUTE, SecretRef("scripted", "OTHER")), UNTIL)
    board.plan(other)
    board.begin(other, NOW)
    board.disown_all()
    assert (flying.counts, other.counts) == (False, False)


def test_a_call_at_its_deadline_still_counts(board: Board) -> None:
    """The next call to its place leaves it there; a moment later it is over."""
    flight = begun(board)
    board.begin(planned(board), FakeClock(mono=UNTIL))
    assert (flight.counts, len(board)) == (True, 2)
    board.begin(planned(board), FakeClock(mono=UNTIL + 0.001))
    assert flight.counts is False


@pytest.mark.parametrize("make", [planned, begun])
def test_the_thread_that_carries_a_flight(make: Callable[[Board], Flight], board: Board) -> None:
    """It is one that has not handed the flight over, nor leaves it to an event loop, nor has landed it."""
    assert not board.is_carried_here()
    flight = make(board)
    assert board.is_carried_here()
    flight.giver = flight.pilot
    assert not board.is_carried_here()
    flight.giver, flight.loop = None, object()  # type: ignore[assignment]  # any loop
    assert not board.is_carried_here()
    flight.loop, flight.pilot = None, flight.pilot + 1
    assert not board.is_carried_here()
    flight.pilot -= 1
    board.land(flight)
    assert not board.is_carried_here()
