"""Stay with a command that has leased secrets: renew the leases, pass signals on, end as the command does."""

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

    from secretsource import ProviderHandle

__all__ = ["end_as", "supervised"]

PATIENCE = 10.0
"""Seconds for one renewal: the command runs meanwhile."""

AGAIN = 10.0
"""Seconds until the next question to a provider that holds no lease, or that raised an error."""

PASSED = [
    number
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH")
    if (number := getattr(signal, name, None)) is not None
]
"""Signals that are meant for the command; it shares our group, so signals that stop a job reach it anyway."""


def supervised(
    command: Sequence[str], environment: Mapping[bytes, bytes] | Mapping[str, str], holders: Sequence[ProviderHandle]
) -> int:
    """Run a command to its end, and renew the leases of its secrets meanwhile.

    Args:
        command: The command and its arguments.
        environment: Its environment.
        holders: The providers that hold leases.

    Returns:
        The exit code, or the negative number of the signal that ended the command.

    Raises:
        OSError: The command cannot be started.
    """
    with _passing_on() as line:
        # Files that were opened for children stay open, as they do over exec; our own are marked to be closed.
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
    """End as a command did: die of the same signal, or give its exit code, which is 128 and more for a signal."""
    if code >= 0:
        return code
    if os.name == "posix" and -code in {*PASSED, signal.SIGKILL}:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return 128 - code


def _prolong(holders: Sequence[ProviderHandle], ended: Event) -> None:
    """Let the providers renew their leases whenever that is due, until the command has ended."""
    while not ended.wait(min((_renewed(holder) for holder in holders), default=AGAIN)):
        pass


def _renewed(holder: ProviderHandle) -> float:
    """Renew the leases of a provider; give the seconds until the next renewal."""
    try:
        wait = holder.renew(timeout=PATIENCE)
    except Exception:  # the error may hold an answer of the service; the command goes on
        return AGAIN
    return AGAIN if wait is None else wait


class _Line:
    """The way of signals to a command that may not have started yet."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def connect(self, process: subprocess.Popen[bytes]) -> None:
        """Send the signals that came early, because the command has started."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def pass_on(self, number: int, _: FrameType | None) -> None:
        """Send a signal to the command, unless the terminal sends it too."""
        if self._process is None:
            self._early.append(number)
        elif not _typed(number):
            self._process.send_signal(number)


@contextmanager
def _passing_on() -> Generator[_Line]:
    """Pass signals on meanwhile; signals that we ignored before stay ignored, for the command too."""
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
    """Return whether the terminal sends the signal to the whole foreground, and so to the command."""
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
