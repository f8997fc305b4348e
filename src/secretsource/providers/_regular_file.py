"""Read a regular file, and say what it means when that cannot be done.

No answer waits for another process: a pipe, a socket or a device is refused before it is read. Not even a timeout
could end a read on a network share that hangs, which is a reason to keep secrets on a local file system.
"""

# ruff: noqa: PTH116 - pathlib loads urllib, which the import of the package must not
from __future__ import annotations

import errno
import os
import stat

from secretsource._namedtuple import NamedTuple
from secretsource.providers.base import Failed, FailureCode, NotFound

__all__ = ["Contents", "Signature", "read_file", "signature_at"]

LIMIT = 1024 * 1024
"""Longest file, in bytes, that is taken for a secret."""

# Names that Windows has and POSIX has not, or the other way round, count as 0.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_REFUSED = frozenset({errno.EACCES, errno.EPERM})
_WIRING = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL})


class Signature(NamedTuple):
    """What changes when a file is written or replaced, and tells nothing of its content.

    Attributes:
        modified: Time of the last write, in nanoseconds since 1970.
        changed: Time of the last change of anything, in nanoseconds since 1970.
        inode: Number of the file in its file system.
        size: Length in bytes.
    """

    modified: int
    changed: int
    inode: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        """The signature in a file's status."""
        return cls(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)

    @property
    def version(self) -> str:
        """A version identifier: the time of the last write and the inode, which also tells a swapped link."""
        return f"{self.modified:x}-{self.inode:x}"


class Contents:
    """What a file holds; no tuple, so that nothing that walks sequences walks into the value.

    Args:
        value: The bytes of the file.
        version: The version of exactly these bytes.
    """

    __slots__ = ("value", "version")

    def __init__(self, value: bytes, version: str) -> None:
        self.value = value
        self.version = version


def signature_at(path: str) -> Signature | None:
    """The signature of what is at ``path`` now; None when there is nothing, or no way to tell."""
    try:
        return Signature.of(os.stat(path))
    except (OSError, ValueError):
        return None


def read_file(path: str, shown: str) -> Contents | NotFound | Failed:
    """The bytes of a file, or why they cannot be had.

    Args:
        path: Where to read; links are followed.
        shown: What to call the file in a reason, when it cannot be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except ValueError:
        return NotFound("no file can have this name")
    except OSError as error:
        return _refusal(error, shown)
    try:
        return _read(descriptor, shown)
    except OSError as error:
        return _refusal(error, shown)
    finally:
        os.close(descriptor)


def _read(descriptor: int, shown: str) -> Contents | Failed:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
        return Failed(FailureCode.MISCONFIGURED, f"{shown} is {kind}", "name a regular file")
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        return Failed(FailureCode.MALFORMED, f"{shown} is longer than 1 MiB", "name the file that holds the secret")
    return Contents(content, Signature.of(status).version)


def _refusal(error: OSError, shown: str) -> NotFound | Failed:
    """What an error of the operating system means."""
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in _ABSENT:
        return NotFound(f"{shown} does not exist")
    if error.errno in _REFUSED:
        remedy = "let the user that runs this process read the file, and enter the folders above it"
        return Failed(FailureCode.DENIED, f"{shown} may not be read by this process", remedy, name)
    if error.errno in _WIRING:
        return Failed(FailureCode.MISCONFIGURED, f"{shown} is no readable file", "name a regular file", name)
    return Failed(FailureCode.UNAVAILABLE, f"{shown} could not be read", "check the file system it is on", name)
