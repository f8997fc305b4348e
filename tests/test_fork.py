"""What is told of forks, and in which order."""

from __future__ import annotations

import _frozen_importlib
import logging
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import held_elsewhere, is_right_in_child, needs_fork, under_way_elsewhere
from tests.signals import at_each_place, elsewhere, tell

from secretsource._ground import fork, imports
from secretsource._ground import turns as turns_module
from secretsource._ground.beginnings import beginning
from secretsource._ground.turns import AllTurns
from secretsource._redis import Address, Outage
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.limiters._lines import Lines
from secretsource.providers.memory import MemoryProvider
from secretsource.stores._feed.listening import Listening
from secretsource.stores.base import KeyQuery
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

TREE = Path(__file__).parents[1]


class Watched:
    """A holder that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def before_fork(self) -> None:
        self.told.append("before")

    def after_fork(self) -> None:
        self.told.append("in the child")


@needs_fork
def test_a_holder_is_told_before_and_after() -> None:
    """Before the fork in the parent, and after it in the child, each time."""
    holder = Watched()
    fork.ask(holder)
    for _ in range(2):
        holder.told.clear()
        assert is_right_in_child(lambda: holder.told == ["before", "in the child"])
        assert holder.told == ["before"]


def test_the_next_fork_outlives_a_signal(
    monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """Python prints what a signal raises before a fork, and forks: afterwards another thread can fork, too."""
    monkeypatch.setattr(fork, "_HOLDERS", weakref.WeakSet())
    monkeypatch.setattr(fork, "_LATER", ())  # whose own functions are not called here

    def judge(forks: fork._Forks, _: bool) -> None:
        def fork() -> None:
            forks.before()
            forks.after_in_parent()

        forks.after_in_parent()
        elsewhere(fork)

    tell(record_property, "a fork", at_each_place(fork._Forks, fork._Forks.before, None, judge, "moments"))


def test_the_next_fork_gives_back_the_turns_that_a_signal_left_taken(
    record_property: Callable[[str, object], None],
) -> None:
    """Wherever a signal raises while a fork takes and releases them, other threads have their turns after the next."""

    def prepare() -> tuple[AllTurns, Any]:
        turns = AllTurns()
        return turns, elsewhere(turns.mine)

    def act(world: tuple[AllTurns, Any]) -> None:
        turns, _ = world
        turns.take(5)
        assert turns.late == []
        turns.release()

    def judge(world: tuple[AllTurns, Any], _: bool) -> None:
        turns, turn = world
        act(world)
        assert elsewhere(lambda: turn.acquire(blocking=False) and turns._joining.acquire(blocking=False))

    tell(record_property, "turns of a fork", at_each_place(prepare, act, None, judge, "moments"))


def test_a_fork_goes_before_threads_that_never_pause() -> None:
    """A thread that ends its turn and wants the next at once does not get it first: a fork could wait in vain."""
    turns, asked = AllTurns(), threading.Event()
    order: list[str] = []

    def work() -> None:
        with turns.mine():
            working.set()
            assert asked.wait(30)
        with turns.mine():
            order.append("the next turn")

    working, thread = threading.Event(), threading.Thread(target=work)
    thread.start()
    assert working.wait(30)
    threading.Timer(0.05, asked.set).start()  # while the fork waits for this turn
    turns.take(10)
    assert turns.late == []
    thread.join(0.05)
    order.append("the fork")
    turns.release()
    thread.join(30)
    assert order == ["the fork", "the next turn"]


def test_a_fork_waits_a_moment_for_a_look_up_also_after_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is stuck has used all the time, and another one is in the middle of a look-up."""
    monkeypatch.setattr(turns_module, "LEAST", 30)
    turns, working = AllTurns(), threading.Event()

    def look_up() -> None:
        with turns.mine():
            working.set()
            while not turns.are_wanted:
                pass

    thread = threading.Thread(target=look_up)
    thread.start()
    assert working.wait(30)
    turns.take(0)
    assert turns.late == []
    turns.release()
    thread.join(30)


def test_a_fork_waits_for_a_thread_that_starts_more_work_in_its_turn() -> None:
    """Its first work would never end otherwise."""
    turns, asked = AllTurns(), threading.Event()

    def work() -> None:
        with turns.mine():
            working.set()
            assert asked.wait(30)
            with turns.mine():
                pass

    working, thread = threading.Event(), threading.Thread(target=work)
    thread.start()
    assert working.wait(30)
    threading.Timer(0.05, asked.set).start()
    turns.take(10)
    assert turns.late == []
    turns.release()
    thread.join(30)


class Failing(Watched):
    """A holder that fails at every step."""

    def before_fork(self) -> None:
        super().before_fork()
        raise ValueError("before")

    def after_fork(self) -> None:
        super().after_fork()
        raise ValueError("in the child")


@needs_fork
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python prints what the first raises
def test_one_holder_that_fails_does_not_keep_others_from_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """All come to rest, and start anew, in whatever order they are called."""
    monkeypatch.setattr(fork, "_HOLDERS", weakref.WeakSet())
    monkeypatch.setattr(fork, "_KEEPERS", weakref.WeakSet())
    holders = [Failing() for _ in range(3)]
    for holder in holders:
        fork.ask(holder)
    assert is_right_in_child(lambda: all(each.told == ["before", "in the child"] for each in holders))
    assert [each.told for each in holders] == [["before"]] * 3


FORKS_WITH_THREADS = ("-W", "ignore:This process:DeprecationWarning")
"""What says that a fork beside other threads is meant: Python warns of it since 3.12."""

IMPORTED_LATER = """
import sys
from secretsource._ground import fork
assert not {"logging", "concurrent.futures.thread"} & set(sys.modules)
import os, threading
from concurrent.futures.thread import ThreadPoolExecutor, _global_shutdown_lock
import logging

class Worker:
    def __init__(self, work):
        self.wanted, self.rested, self.todo = threading.Event(), threading.Event(), work
        threading.Thread(target=self.work, daemon=True).start()
        fork.ask(self)
    def work(self):
        while self.wanted.wait():
            self.wanted.clear()
            self.todo()
            self.rested.set()
    def before_fork(self):
        self.rested.clear()
        self.wanted.set()
        print("rested" if self.rested.wait(30) else "hung", flush=True)
    def after_fork(self): pass

executor = ThreadPoolExecutor()
workers = [Worker(lambda: logging.getLogger("worker")), Worker(lambda: executor.submit(int).result())]
def forks():
    for _ in range(20):
        child = os.fork()
        if child == 0:
            logging.getLogger("child")
            ThreadPoolExecutor().submit(int).result()
            os._exit(0)
        os.waitpid(child, 0)
threads = [threading.Thread(target=forks) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
with logging._lock, _global_shutdown_lock: print("ended")
"""


@needs_fork
def test_threads_come_to_rest_though_modules_with_locks_were_imported_later() -> None:
    """Their own functions for forks then run first, and take locks for a logger, and for work of an executor."""
    run = subprocess.run(
        [sys.executable, *FORKS_WITH_THREADS, "-c", IMPORTED_LATER],
        check=True,
        capture_output=True,
        text=True,
        cwd=TREE,
        timeout=60,
    )
    assert run.stdout.split() == ["rested"] * 80 + ["ended"]
    assert run.stderr == ""


IMPORTED_MEANWHILE = """
import sys, os, threading
from secretsource._ground import fork, imports
from secretsource._ground import turns as turns_module
begun, wait = threading.Event(), imports.wait
def watched(until):
    begun.set()
    wait(until)
imports.wait = watched
class Finder:
    def find_spec(name, path, target=None):
        if name == "concurrent":
            importing.set()
            begun.wait(30)
importing = threading.Event()
sys.meta_path.insert(0, Finder)
def work():
    import concurrent.futures.thread
thread = threading.Thread(target=work)
thread.start()
importing.wait(30)
child = os.fork()
if child == 0:
    os._exit(0 if "concurrent.futures.thread" in sys.modules else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
thread.join()
import logging
from concurrent.futures.thread import _global_shutdown_lock
with logging._lock, _global_shutdown_lock: print("ended")
"""


@needs_fork
def test_a_fork_may_meet_the_first_import_of_a_module_with_a_lock() -> None:
    """Its function releases the lock after the fork though it was not there before: nothing is printed of that."""
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED_MEANWHILE], check=True, capture_output=True, text=True, cwd=TREE, timeout=60
    )
    assert run.stdout.split() == ["0", "ended"]
    assert run.stderr == ""


@needs_fork
def test_a_keeper_is_told_in_the_child_alone() -> None:
    """The parent of a keeper goes on as if nothing had happened."""
    keeper = Watched()
    fork.tell(keeper)
    assert is_right_in_child(lambda: keeper.told == ["in the child"])
    assert keeper.told == []


@needs_fork
def test_a_child_forks_in_its_turn() -> None:
    """Also one of a thread that is not the main one."""
    holder = Watched()
    fork.ask(holder)
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
        fork.ask(late)
        asked.set()

    late, thread, holder = Watched(), threading.Thread(target=ask), Late()
    fork.ask(holder)
    assert is_right_in_child(lambda: "in time" in holder.told)
    assert asked.wait(30)
    thread.join()


MODULE = """
import tests_of_forks_events as events
events.begun.set()
assert events.go_on.wait(30)
"""


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Whether a fork has begun to wait for imports."""
    begun, wait = threading.Event(), imports.wait

    def watched(until: float) -> None:
        begun.set()
        wait(until)

    monkeypatch.setattr(imports, "wait", watched)
    return begun


@needs_fork
def test_a_fork_waits_for_an_import_of_another_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: threading.Event
) -> None:
    """A child can import the same module; its lock would never be given back there."""
    (tmp_path / "tests_of_forks_slow.py").write_text(MODULE)
    events: Any = ModuleType("tests_of_forks_events")
    events.begun, events.go_on = threading.Event(), waiting
    monkeypatch.setitem(sys.modules, events.__name__, events)
    monkeypatch.syspath_prepend(tmp_path)
    importing = threading.Thread(target=import_module, args=["tests_of_forks_slow"])
    importing.start()
    assert events.begun.wait(30)
    assert is_right_in_child(lambda: import_module("tests_of_forks_slow") is not None)
    importing.join(30)


@needs_fork
def test_a_fork_lets_an_import_ask_for_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: threading.Event
) -> None:
    """A module of this package asks while it is imported: the fork would wait for the import, and the import for it."""
    (tmp_path / "tests_of_forks_asking.py").write_text(
        f"{MODULE}\nfrom secretsource._ground import fork\nfork.ask(events)"
    )
    events: Any = ModuleType("tests_of_forks_events")
    events.begun, events.go_on = threading.Event(), waiting
    for name in ("before_fork", "after_fork"):
        setattr(events, name, lambda: None)
    monkeypatch.setitem(sys.modules, events.__name__, events)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(fork, "PATIENCE", 2.0)
    importing = threading.Thread(target=import_module, args=["tests_of_forks_asking"])
    importing.start()
    assert events.begun.wait(30)
    assert is_right_in_child(lambda: "tests_of_forks_asking" in sys.modules)  # else the fork cut it off
    importing.join(30)
    fork._HOLDERS.discard(events)
    fork._KEEPERS.discard(events)


@needs_fork
def test_a_fork_lets_a_thread_with_the_lock_of_logging_have_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration of logging may open a store: the fork would wait for the lock, and the thread for the fork."""
    holder, asked, resting = Watched(), threading.Event(), threading.Event()

    def configure() -> None:
        with logging._lock:  # type: ignore[attr-defined]
            locked.set()
            assert resting.wait(30)
            fork.ask(holder)
            asked.set()

    class First(Watched):
        def before_fork(self) -> None:
            resting.set()

    locked, first, thread = threading.Event(), First(), threading.Thread(target=configure)
    fork.ask(first)
    thread.start()
    assert locked.wait(30)
    assert is_right_in_child(asked.is_set)
    thread.join(30)
    assert holder.told == ["before"]


@needs_fork
def test_a_lock_of_logging_that_is_never_released_ends_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the fork then, which itself waits inside of logging, as without this package."""
    monkeypatch.setattr(fork, "PATIENCE", 0.0)
    monkeypatch.setattr(fork, "PROBE", 0.01)
    monkeypatch.setattr(fork, "_LATER", ())  # whose own functions are not called here
    holder = Watched()
    fork.ask(holder)
    with held_elsewhere(logging._lock):  # type: ignore[attr-defined]
        forks = fork._FORKS
        forks.before()
        assert holder.told == ["before"]
        elsewhere(lambda: fork.ask(Watched()))
        forks.after_in_parent()
    assert holder.told == ["before"]


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Another thread in the middle of an import that a fork does not wait for; and what the module waits for."""
    monkeypatch.setattr(fork, "PATIENCE", 0.05)
    package = tmp_path / "tests_of_forks_package"
    package.mkdir()
    (package / "done.py").touch()
    (package / "__init__.py").write_text(f"from tests_of_forks_package.done import __name__ as done\n{MODULE}")
    events: Any = ModuleType("tests_of_forks_events")
    events.begun, events.go_on = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, events.__name__, events)
    monkeypatch.syspath_prepend(tmp_path)
    thread = threading.Thread(target=import_module, args=[package.name])
    thread.start()
    assert events.begun.wait(30)
    yield events
    events.go_on.set()
    thread.join(30)
    for name in (package.name, f"{package.name}.done"):
        sys.modules.pop(name, None)


@needs_fork
def test_a_child_imports_anew_what_its_fork_cut_off(importing: Any) -> None:
    """The module that was half made, and its package; what was finished is kept, and the parent's import goes on."""
    finished = sys.modules["tests_of_forks_package.done"]

    def act() -> bool:
        importing.go_on = threading.Event()
        importing.go_on.set()
        made = import_module("tests_of_forks_package")
        return made.done == finished.__name__ and import_module(finished.__name__) is finished

    assert is_right_in_child(act)
    importing.go_on.set()
    assert import_module("tests_of_forks_package").done == finished.__name__


@contextmanager
def locked(name: str) -> Generator[None]:
    """Lock a module, as its import does."""
    lock: Any = _frozen_importlib._get_module_lock(name)  # type: ignore[attr-defined]
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@needs_fork
def test_a_child_is_refused_a_module_in_c_that_its_fork_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be loaded twice; the child is told so, and does not wait for ever."""
    monkeypatch.setattr(fork, "PATIENCE", 0.05)
    name = "tests_of_forks_in_c"
    half_made, spec = ModuleType(name), ModuleSpec(name, ExtensionFileLoader(name, "tests_of_forks_in_c.so"))
    spec._initializing = True  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
    half_made.__spec__ = spec
    monkeypatch.setitem(sys.modules, name, half_made)

    def act() -> bool:
        with pytest.raises(ImportError, match="halted"):
            import_module(name)
        return True

    with held_elsewhere(locked(name)):
        assert is_right_in_child(act)


@needs_fork
def test_a_child_goes_on_with_an_import_of_its_own_thread() -> None:
    """A module that forks while it is imported is whole in the child, too."""
    name = "tests_of_forks_own"
    with locked(name):
        assert is_right_in_child(lambda: name in imports._LOCKS)


KEEPERS: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "store in memory": (MemoryStore(), lambda store: store.list(KeyQuery())),
    "provider in memory": (MemoryProvider(), lambda provider: provider.put("a", "b")),
    "connections to Redis": (Lines(Address("redis://localhost", 1.0)), lambda lines: lines._take()),
    "outage of Redis": (Outage("a test", "here", 1.0, None), lambda outage: outage.tell()),
}


@needs_fork
@pytest.mark.parametrize(("keeper", "use"), KEEPERS.values(), ids=KEEPERS)
def test_a_child_does_not_wait_for_a_lock_of_another_thread(keeper: Any, use: Callable[[Any], object]) -> None:
    """It was held at the fork; in the child it is free."""
    with held_elsewhere(keeper._lock):
        assert is_right_in_child(lambda: use(keeper) is not None)


@needs_fork
def test_a_lock_of_the_thread_that_forks_is_still_held_in_the_child() -> None:
    """The child gives it back, as the parent does."""
    lock = fork.lock()

    def act() -> bool:
        lock.release()
        with pytest.raises(RuntimeError):
            lock.release()
        return True

    with lock:
        assert is_right_in_child(act)


@needs_fork
def test_a_fork_waits_for_what_another_thread_begins() -> None:
    """A library written in C holds locks meanwhile, which nothing could free in the child."""

    def begin(pause: Callable[[], None]) -> None:
        with beginning():
            pause()

    with under_way_elsewhere(begin) as gone_on:
        assert is_right_in_child(gone_on.is_set)


@needs_fork
def test_a_child_does_not_wait_for_an_event_that_another_thread_waited_for() -> None:
    """Who waits holds the lock of the event for a moment: the thread that flushes, or the one that listens."""
    keys = ApiKeys(MemoryStore(), peppers=["a pepper of the tests, long enough"])
    issued = keys.issue(owner="customer")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    listening = Listening("somewhere", lambda _: None, str, lambda _: None, (1.0, 1.0))

    def act() -> bool:
        listening()
        return bool(keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)) and listening.ended.is_set()

    with held_elsewhere(keys._chores._stop._cond), held_elsewhere(listening.ended._cond):  # type: ignore[attr-defined]
        assert is_right_in_child(act)
    keys.close()
