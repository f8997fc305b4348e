"""Reading of a named pipe: once, to its end, within a time and a length.

A program such as a password manager writes at the other end. It may ask its user first, and it writes once for each
reader. So a pipe is never opened only to look at it.
"""

# ruff: noqa: PTH116 - pathlib loads urllib, which the import of the package must not
from __future__ import annotations

import os
import stat
from time import monotonic

from secretsource.providers._regular_file import LIMIT, Contents, Signature, refusal
from secretsource.providers.base import Failed, FailureCode, NotFound

__all__ = ["is_pipe", "read_pipe"]

CHUNK = 64 * 1024


def is_pipe(path: str) -> bool:
    """Return whether there is a named pipe at a path; it is not opened."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def read_pipe(path: str, shown: str, timeout: float) -> Contents | NotFound | Failed:
    """Return everything that a writer puts into a pipe until it closes it, or the failure; never a part of it.

    Args:
        path: The pipe.
        shown: The pipe's name in a reason.
        timeout: Seconds within which the writer must open, write and close.
    """
    until = monotonic() + timeout
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return refusal(error, shown)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISFIFO(status.st_mode):
            return Failed(FailureCode.UNAVAILABLE, f"{shown} was replaced while it was opened", "ask again")
        content = _drained(descriptor, until)
    except OSError as error:
        return refusal(error, shown)
    finally:
        os.close(descriptor)
    if content is None:
        remedy = "start or unlock the program that writes to it, or raise the deadline"
        return Failed(FailureCode.TIMEOUT, f"the pipe {shown} was not written to its end in time", remedy)
    if len(content) > LIMIT:
        return Failed(FailureCode.MALFORMED, f"the pipe {shown} gave more than 1 MiB", "name the file of the secrets")
    if not content:
        remedy = "look at the program that writes to it"
        return Failed(FailureCode.UNAVAILABLE, f"the pipe {shown} was closed with nothing in it", remedy)
    return Contents(content, Signature.of(status).version)


def _drained(descriptor: int, until: float) -> bytes | None:
    """Return the bytes up to the writer's close, or more than the limit; None if the time ends first."""
    from select import POLLIN, poll

    waiting = poll()
    waiting.register(descriptor, POLLIN)
    content = bytearray()
    while len(content) <= LIMIT:
        left = until - monotonic()
        if left <= 0 or not waiting.poll(left * 1000):
            return None
        try:
            chunk = os.read(descriptor, CHUNK)
        except BlockingIOError:
            continue
        if not chunk:
            break
        content += chunk
    return bytes(content)
