"""A forked child of the tests, which never goes on as a second run of them, whatever becomes of it."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from secretsource._ground import turns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from typing import Any

__all__ = ["begun", "ended", "held_elsewhere", "is_right_in_child", "needs_fork", "under_way_elsewhere"]

PATIENCE = 90
"""Seconds after which a child that hangs is ended; a commit to a busy disk may well take ten."""

STDERR = 2

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def begun(act: Callable[[], bool]) -> int:
    """Fork a child that does something and ends at once; its process identifier."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            gc.freeze()  # grpc.aio waits in a finalizer for its thread, which a child does not have
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the child, where the limit of a test raises
            faulthandler.register(signal.SIGALRM, STDERR, chain=True)  # which tells where it hung
            signal.alarm(PATIENCE)
            code = 0 if act() else 1
        except BaseException:  # nothing may leave the child, and the report of its test shows the reason
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    return child


def ended(child: int) -> bool:
    """Wait for a child; whether what it did was right."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def is_right_in_child(act: Callable[[], bool]) -> bool:
    """Whether what is done in a forked child is right; not so when it raises, hangs or is killed."""
    return ended(begun(act))


@contextmanager
def held_elsewhere(lock: AbstractContextManager[Any]) -> Generator[None, None, None]:
    """Let another thread hold a lock meanwhile, as one that a forked child does not have."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(PATIENCE)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(PATIENCE)
    try:
        yield
    finally:
        done.set()
        holder.join(PATIENCE)


@contextmanager
def under_way_elsewhere(work: Callable[[Callable[[], None]], object]) -> Generator[threading.Event, None, None]:
    """Let another thread work up to where it calls what it is given, and go on there when a fork waits; tells when."""
    reached, gone_on = threading.Event(), threading.Event()

    def pause() -> None:
        reached.set()
        while not turns.ALL.are_wanted:  # until the fork waits
            pass
        threading.Event().wait(0.1)  # so that one which does not wait is over
        gone_on.set()

    worker = threading.Thread(target=work, args=[pause])
    worker.start()
    assert reached.wait(PATIENCE)
    yield gone_on
    worker.join(PATIENCE)
