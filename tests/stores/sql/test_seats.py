"""Seats for connections: so many at once, the last one given back first, and none is lost."""

from __future__ import annotations

import threading

import pytest

from secretsource.stores._sql.connections.seats import Seats


class Crowded(Exception):
    """Who waited in vain."""


class Room:
    """Seats, and the connections that were closed."""

    def __init__(self, number: int) -> None:
        self.closed: list[str] = []
        self.seats = Seats(number, self.closed.append, Crowded)


def test_the_last_connection_given_back_is_taken_first() -> None:
    """So one question after the other needs one connection."""
    seats = Room(3).seats
    assert seats.take(0) is None
    seats.give("first")
    assert seats.take(0) == "first"
    assert seats.take(0) is None
    seats.give("second")
    seats.give("first")
    assert [seats.take(0) for _ in range(3)] == ["first", "second", None]


def test_no_more_than_there_are() -> None:
    """Who finds none in time is told; the seats are there again when they are given back."""
    seats = Room(1).seats
    seats.take(0)
    with pytest.raises(Crowded):
        seats.take(0.01)
    seats.give(None)
    assert seats.take(0) is None


def test_who_waits_gets_the_next_one() -> None:
    """Many threads on few seats: each gets a turn, and no two sit in one seat."""
    room, sitting, most, lock = Room(2), 0, 0, threading.Lock()

    def sit() -> None:
        nonlocal sitting, most
        for _ in range(200):
            connection = room.seats.take(10) or threading.current_thread().name
            with lock:
                sitting += 1
                most = max(most, sitting)
            with lock:
                sitting -= 1
            room.seats.give(connection)

    threads = [threading.Thread(target=sit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    connections = [room.seats.take(0) for _ in range(2)]
    assert len({*connections}) == 2


def test_closing_spares_no_connection() -> None:
    """Those in free seats are closed at once, the others when they come back; the seats stay."""
    room = Room(3)
    room.seats.take(0)
    room.seats.take(0)
    room.seats.give("idle")
    room.seats.close()
    assert room.closed == ["idle"]
    room.seats.give("busy")
    assert room.closed == ["idle", "busy"]
    assert [room.seats.take(0) for _ in range(3)] == [None, None, None]


def test_who_waits_while_all_is_closed_is_let_in() -> None:
    """The seat is given back with a connection that is closed then, and is free for who waits."""
    room, came = Room(1), threading.Event()
    room.seats.take(0)

    def wait() -> None:
        room.seats.give(room.seats.take(10))
        came.set()

    thread = threading.Thread(target=wait)
    thread.start()
    room.seats.close()
    room.seats.give("busy")
    assert came.wait(30)
    thread.join()
    assert room.closed == ["busy"]
