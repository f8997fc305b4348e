"""Stay with a command that was given leased secrets: prolong the leases, pass signals on, end as the command does."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from types import FrameType

    from secretsource.providers.base import LeasingProvider

__all__ = ["end_as", "supervised"]

PATIENCE = 10.0
"""Seconds for one renewal: a command runs, and nobody waits."""

AGAIN = 10.0
"""Seconds until a provider is asked again that holds no lease, or has raised."""

PASSED = [
    number
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH")
    if (number := getattr(signal, name, None)) is not None
]
"""Signals that mean the command; those that stop and continue a job reach it with us, since we share its group."""


def supervised(
    command: Sequence[str], environment: Mapping[bytes, bytes] | Mapping[str, str], holders: Sequence[LeasingProvider]
) -> int:
    """Run a command to its end, while the leases of what it was given are prolonged.

    Args:
        command: The command and its arguments.
        environment: Its environment.
        holders: The providers that hold leases.

    Returns:
        Its exit code, or the negative number of the signal that ended it.

    Raises:
        OSError: It cannot be started.
    """
    with _passing_on() as line:
        # What was opened to be inherited stays open, as it does over exec; what is ours is marked otherwise.
        process = subprocess.Popen(command, env=environment, close_fds=os.name != "posix")  # noqa: S603 - what `run` is for
        line.connect(process)
        ended = Event()
        keeper = Thread(target=_prolong, args=(holders, ended), name="secretsource-leases", daemon=True)
        keeper.start()
        try:
            return process.wait()
        finally:
            ended.set()
            keeper.join(PATIENCE)


def end_as(code: int) -> int:
    """End as a command did: die of the signal it died of, or give its exit code, which is 128 and more for a signal."""
    if code >= 0:
        return code
    if os.name == "posix" and -code in {*PASSED, signal.SIGKILL}:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return 128 - code


def _prolong(holders: Sequence[LeasingProvider], ended: Event) -> None:
    """Have the providers prolong their leases whenever that is due, until the command has ended."""
    while not ended.wait(min((_renewed(holder) for holder in holders), default=AGAIN)):
        pass


def _renewed(holder: LeasingProvider) -> float:
    """Seconds until a provider is to be asked again."""
    try:
        wait = holder.renew(timeout=PATIENCE)
    except Exception:  # it may hold what the service answered, and the command goes on without it
        return AGAIN
    return AGAIN if wait is None else wait


class _Line:
    """Signals on their way to a command that may not have started yet."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def connect(self, process: subprocess.Popen[bytes]) -> None:
        """The command has started."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def pass_on(self, number: int, _: FrameType | None) -> None:
        """Send a signal to the command, unless the terminal has sent it as well."""
        if self._process is None:
            self._early.append(number)
        elif not _typed(number):
            self._process.send_signal(number)


@contextmanager
def _passing_on() -> Generator[_Line]:
    """Pass signals on meanwhile; what was ignored when we began stays so, for the command too."""
    line = _Line()
    before = {number: signal.getsignal(number) for number in PASSED}
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, line.pass_on)
    try:
        yield line
    finally:
        for number in ours:
            signal.signal(number, before[number])


def _typed(number: int) -> bool:
    """Whether the terminal itself tells every process of the foreground, so that the command has heard of it."""
    if number not in {signal.SIGINT, getattr(signal, "SIGQUIT", None), getattr(signal, "SIGWINCH", None)}:
        return False
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
