"""What is told of forks, and in which order."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tests.forks import is_right_in_child, needs_fork

from secretsource import _fork

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


@needs_fork
def test_a_holder_that_comes_during_a_fork_waits_until_it_is_over() -> None:
    """What it holds would not be brought to rest before this fork."""
    asked = threading.Event()

    class Late(Watched):
        def before_fork(self) -> None:
            if not self.told:  # the first fork
                thread.start()
                self.told.append("too early" if asked.wait(0.1) else "in time")

    def ask() -> None:
        _fork.ask(late)
        asked.set()

    late, thread, holder = Watched(), threading.Thread(target=ask), Late()
    _fork.ask(holder)
    assert is_right_in_child(lambda: "in time" in holder.told)
    assert asked.wait(5)
    thread.join()


MODULE = """
import tests_of_forks_events as events
events.begun.set()
assert events.go_on.wait(5)
"""


@needs_fork
def test_a_fork_waits_for_an_import_of_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child can import the same module; its lock would never be given back there."""
    (tmp_path / "tests_of_forks_slow.py").write_text(MODULE)
    events: Any = ModuleType("tests_of_forks_events")
    events.begun, events.go_on = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, events.__name__, events)
    monkeypatch.syspath_prepend(tmp_path)
    importing = threading.Thread(target=import_module, args=["tests_of_forks_slow"])
    importing.start()
    assert events.begun.wait(5)

    def let_go() -> None:
        while not _fork._FORKS._resting:  # until the fork waits
            pass
        events.go_on.set()

    threading.Thread(target=let_go).start()
    assert is_right_in_child(lambda: import_module("tests_of_forks_slow") is not None)
    importing.join(5)
