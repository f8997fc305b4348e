"""Which server answers a check: the replica while it shows enough, else the primary; no clock of theirs is asked."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource._ground.flow import arun, run
from secretsource.exceptions import StoreError
from secretsource.stores._sql.lookups.lag import Progress, look_up

DOWN = StoreError("down")


class Server:
    """A server at a position, with one row."""

    def __init__(self, name: str, position: str) -> None:
        self.name = name
        self.position = position
        self.is_down = False
        self.has_row = True
        self.asked = 0

    def ask(self) -> tuple[str, str] | None:
        self.asked += 1
        if self.is_down:
            raise DOWN
        return (self.name, self.position) if self.has_row else None

    async def aask(self) -> tuple[str, str] | None:
        return self.ask()


class World:
    """A primary, a replica that lags behind by up to four seconds, and a clock."""

    def __init__(self) -> None:
        self.primary, self.replica = Server("primary", "0/100"), Server("replica", "0/100")
        self.progress = Progress(4.0)
        self.now = 100.0

    def look_up(self, at: float) -> str | None:
        """Who answers."""
        self.now = 100.0 + at
        row = run(look_up(self.progress, self.primary.ask, self.replica.ask, lambda: self.now))
        return row and row[0]


@pytest.fixture
def world() -> World:
    """A new world."""
    return World()


def test_the_replica_answers_between_two_marks(world: World) -> None:
    """The primary is asked first, then every second, and says by the way where it is."""
    assert [world.look_up(at) for at in (0, 0.1, 0.9, 1.0, 1.1)] == [
        "primary", "replica", "replica", "primary", "replica"
    ]  # fmt: skip
    assert world.primary.asked == 2


def test_a_replica_that_is_behind_does_not_answer_past_its_bound(world: World) -> None:
    """It has stopped to replay; what it shows is good for so long, and the primary answers from then on."""
    world.look_up(0)
    world.primary.position = "1/0"  # a change is committed
    assert world.look_up(0.5) == "replica"
    assert [world.look_up(at) for at in (1.0, 1.5, 2.5, 3.9)] == ["primary", "replica", "primary", "primary"]
    assert [world.look_up(at) for at in (4.01, 4.02, 4.9)] == ["primary"] * 3
    world.replica.position = "1/0"
    assert world.look_up(4.91) == "replica"


def test_positions_are_numbers(world: World) -> None:
    """``0/FF`` is before ``0/100``, and ``9/0`` before ``10/0``."""
    for behind, ahead in (("0/FF", "0/100"), ("9/FFFFFFFF", "10/0"), ("0/FFFFFFFF", "1/0")):
        progress = Progress(4.0)
        progress.mark(0.0, ahead)
        assert not progress.shows(behind, 0.0)
        assert progress.shows(ahead, 0.0)


def test_what_the_replica_does_not_have_is_asked_of_the_primary(world: World) -> None:
    """So that a key is known as soon as it is issued."""
    world.look_up(0)
    world.replica.has_row = False
    assert world.look_up(0.5) == "primary"
    world.primary.has_row = False
    assert world.look_up(0.6) is None


def test_a_replica_that_is_down_is_left_alone_for_a_while(world: World) -> None:
    """Not every check waits for it."""
    world.look_up(0)
    world.replica.is_down = True
    assert [world.look_up(at) for at in (0.5, 0.6, 3.0, 4.4)] == ["primary"] * 4
    assert world.replica.asked == 1
    world.replica.is_down = False
    assert [world.look_up(4.45), world.look_up(4.55)] == ["primary", "replica"]


def test_a_primary_that_is_down_is_missed_after_the_bound(world: World) -> None:
    """Till then the replica answers; from then on, nobody knows what it may have missed."""
    world.look_up(0)
    world.primary.is_down = True
    assert [world.look_up(at) for at in (0.5, 1.5, 4.0)] == ["replica"] * 3
    with pytest.raises(StoreError):
        world.look_up(4.1)


def test_without_a_row_there_is_no_mark(world: World) -> None:
    """An unknown key asks both servers, and tells nothing of either."""
    world.primary.has_row = world.replica.has_row = False
    assert world.look_up(0) is None
    world.replica.has_row = True
    world.primary.has_row = True
    assert world.look_up(0.1) == "primary"


async def test_a_loop_decides_alike(world: World) -> None:
    """Errors are raised where the flow waits."""

    async def asked(at: float) -> Any:
        row: Any = await arun(look_up(world.progress, world.primary.aask, world.replica.aask, lambda: 100.0 + at))
        return row[0]

    assert [await asked(at) for at in (0, 0.5)] == ["primary", "replica"]
    world.replica.is_down = True
    assert await asked(0.6) == "primary"
    world.primary.is_down = True
    with pytest.raises(StoreError):
        await asked(0.7)


def test_a_failed_replica_is_asked_again_to_the_instant(world: World) -> None:
    """After as long as it may lag behind."""
    world.progress.fail(100.0)
    assert not world.progress.is_back(103.999)
    assert world.progress.is_back(104.0)


def test_the_row_comes_whole_without_its_position() -> None:
    """From the primary when it is asked for its position, from the replica, and from the primary in its place."""
    row = ("key", "a", "b")
    progress = Progress(4.0)

    def asked(now: float, *, replica: str = "0/5") -> Any:
        return run(look_up(progress, lambda: (*row, "0/5"), lambda: (*row, replica), lambda: now))

    assert asked(0.0) == row
    assert asked(0.5) == row
    assert asked(0.6, replica="0/4") == row


@pytest.mark.parametrize(("behind", "ahead"), [("0/F", "0/10"), ("0/9", "0/A"), ("F/0", "10/0"), ("0/FFFFFFFF", "1/0")])
def test_positions_are_hexadecimal(behind: str, ahead: str) -> None:
    """In both of their halves, of 32 bits each."""
    progress = Progress(4.0)
    progress.mark(0.0, ahead)
    assert not progress.shows(behind, 0.0)
    assert progress.shows(ahead, 0.0)
    progress = Progress(4.0)
    progress.mark(0.0, behind)
    assert progress.shows(ahead, 0.0)
