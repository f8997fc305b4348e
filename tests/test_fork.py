"""What is told of forks, and in which order."""

from __future__ import annotations

import threading

from tests.forks import is_right_in_child, needs_fork

from secretsource import _fork


class Watched:
    """A holder that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def before_fork(self) -> None:
        self.told.append("before")

    def after_fork_in_parent(self) -> None:
        self.told.append("in the parent")

    def after_fork(self) -> None:
        self.told.append("in the child")


@needs_fork
def test_a_holder_is_told_before_and_after() -> None:
    """Before the fork on its own side, and after it on both, each time."""
    holder = Watched()
    _fork.ask(holder)
    for _ in range(2):
        holder.told.clear()
        assert is_right_in_child(lambda: holder.told == ["before", "in the child"])
        assert holder.told == ["before", "in the parent"]


@needs_fork
def test_a_keeper_is_told_in_the_child_alone() -> None:
    """The parent of a keeper goes on as if nothing had happened."""
    keeper = Watched()
    _fork.tell(keeper)
    assert is_right_in_child(lambda: keeper.told == ["in the child"])
    assert keeper.told == []


@needs_fork
def test_a_child_forks_in_its_turn() -> None:
    """Also one of a thread that is not the main one."""
    holder = Watched()
    _fork.ask(holder)
    right: list[bool] = []
    thread = threading.Thread(
        target=lambda: right.append(is_right_in_child(lambda: is_right_in_child(lambda: len(holder.told) == 4)))
    )
    thread.start()
    thread.join(30)
    assert right == [True]
