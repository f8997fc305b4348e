"""Reading and replacing of a regular file, with the meaning of each failure.

No answer waits for another process: a pipe, a socket or a device is refused before it is read. No timeout could end a
read on a hanging network share, so store secrets on a local file system.
"""

# ruff: noqa: PTH105, PTH108, PTH114, PTH116, PTH118, PTH120, PTH123 - pathlib loads urllib, which the import must not
from __future__ import annotations

import errno
import os
import stat

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError
from secretsource.providers.base import Failed, FailureCode, NotFound, Occupied, Stored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.providers.base import Written

__all__ = ["LIMIT", "Contents", "Signature", "path_of", "read_file", "refusal", "signature_at", "write_file"]

LIMIT = 1024 * 1024
"""Longest file, in bytes, that is taken for a secret."""

TRIES = 3
"""Most tries to read a file. Kubernetes removes the old files of a secret as soon as ``..data`` leads to new ones. And
a program that writes into a file may change it while it is read."""

# Names that exist on only one of Windows and POSIX count as 0.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_REFUSED = frozenset({errno.EACCES, errno.EPERM})
_WIRING = frozenset({errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL})


class Signature(NamedTuple):
    """The signs of a file that was written or replaced; they reveal nothing of its content.

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
        """Return the signature in a file's status."""
        return cls(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)

    @property
    def version(self) -> str:
        """A version identifier: the time of the last write and the inode, which also reveals a swapped link."""
        return f"{self.modified:x}-{self.inode:x}"


class Contents:
    """The content of a file; not a tuple, so that code that walks sequences does not walk into the value.

    Args:
        value: The bytes of the file.
        version: The version of exactly these bytes.
    """

    __slots__ = ("value", "version")

    def __init__(self, value: bytes, version: str) -> None:
        self.value = value
        self.version = version


def path_of(given: object, setting: str) -> str | None:
    """Return the path of a setting as text, also if it is a `pathlib.Path`; None for none.

    Args:
        given: The path.
        setting: Its name in the error.

    Raises:
        ConfigurationError: It is not a path.
    """
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if path is None or isinstance(path, str):
        return path
    raise ConfigurationError(f"{setting} must be a path, not {type(given).__name__}")


def signature_at(path: str) -> Signature | None:
    """Return the signature of the file at ``path`` now; None if there is no file, or no way to tell."""
    try:
        return Signature.of(os.stat(path))
    except (OSError, ValueError):
        return None


def read_file(path: str, shown: str) -> Contents | NotFound | Failed:
    """Return the bytes of a file, or the failure to read it.

    Args:
        path: The file; links are followed.
        shown: The file's name in a reason, if it cannot be read.
    """
    for _ in range(TRIES):
        read = _read_once(path, shown)
        if read is not None:
            return read
    return _being_written(shown) if signature_at(path) else _leading_nowhere(shown)


def _read_once(path: str, shown: str) -> Contents | NotFound | Failed | None:
    """Do the same; None if a link leads nowhere or was swapped while it was followed, or if the file was written."""
    try:
        refused = _no_regular_file(os.stat(path), shown)  # opening a pipe and closing it again would break its writer
        descriptor = -1 if refused else os.open(path, _FLAGS)
    except ValueError:
        return NotFound("no file can have this name")
    except OSError as error:
        return None if _is_dangling(error, path) else refusal(error, shown)
    if refused is not None:
        return refused
    try:
        return _read(descriptor, shown)
    except OSError as error:
        return refusal(error, shown)
    finally:
        os.close(descriptor)


def write_file(path: str, content: bytes, shown: str, *, overwrite: bool) -> Written:
    """Put a file of mode 0600 into place, whole or not at all; a link is followed, and a folder is not made.

    Args:
        path: The file.
        content: Its bytes.
        shown: The file's name in a reason, if it cannot be written.
        overwrite: Whether to replace a file that is there.
    """
    try:
        target = os.path.realpath(path)
        partial = os.path.join(os.path.dirname(target), f".secretsource-{os.getpid():x}-{os.urandom(6).hex()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except ValueError:
        return Failed(FailureCode.MISCONFIGURED, "no file can have this name", "choose another one")
    except OSError as error:
        return _not_written(error, shown)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(partial, target)
        else:
            os.link(partial, target)  # fails if a file is there, even one that has just appeared
        return Stored(Signature.of(os.stat(target)).version)
    except FileExistsError:
        return Occupied()
    except OSError as error:
        return _not_written(error, shown)
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)


def _not_written(error: OSError, shown: str) -> Failed:
    """Return the meaning of an operating system error for a writer."""
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in _REFUSED:
        remedy = "let the user that runs this process write to its folder"
        return Failed(FailureCode.DENIED, f"{shown} may not be written by this process", remedy, name)
    if error.errno in _ABSENT or error.errno in _WIRING:
        return Failed(FailureCode.MISCONFIGURED, f"the folder of {shown} does not exist", "make the folder", name)
    return Failed(FailureCode.UNAVAILABLE, f"{shown} could not be written", "check the file system it is on", name)


def _read(descriptor: int, shown: str) -> Contents | Failed | None:
    status = os.fstat(descriptor)  # of the file opened, which may differ from the file looked at
    refused = _no_regular_file(status, shown)
    if refused is not None:
        return refused
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        return Failed(FailureCode.MALFORMED, f"{shown} is longer than 1 MiB", "name the file that holds the secret")
    signature = Signature.of(status)
    return Contents(content, signature.version) if signature == Signature.of(os.fstat(descriptor)) else None


def _no_regular_file(status: os.stat_result, shown: str) -> Failed | None:
    """Return why a path is not read: it is a folder, or reading would wait for another process."""
    if stat.S_ISREG(status.st_mode):
        return None
    kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
    return Failed(FailureCode.MISCONFIGURED, f"{shown} is {kind}", "name a regular file")


def _is_dangling(error: OSError, path: str) -> bool:
    """Return whether a link is there and its target is not: then a file was meant to be there."""
    return error.errno in _ABSENT and os.path.islink(path)


def _being_written(shown: str) -> Failed:
    reason, remedy = f"{shown} changes while it is read", "let its writer write another file, and rename that"
    return Failed(FailureCode.UNAVAILABLE, reason, remedy)


def _leading_nowhere(shown: str) -> Failed:
    reason = f"{shown} is a link to a file that does not exist"
    return Failed(FailureCode.MISCONFIGURED, reason, "make the file that it leads to, or remove the link", "ENOENT")


def refusal(error: OSError, shown: str) -> NotFound | Failed:
    """Return the meaning of an operating system error."""
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in _ABSENT:
        return NotFound(f"{shown} does not exist")
    if error.errno in _REFUSED:
        remedy = "let the user that runs this process read the file, and enter the folders above it"
        return Failed(FailureCode.DENIED, f"{shown} may not be read by this process", remedy, name)
    if error.errno in _WIRING:
        return Failed(FailureCode.MISCONFIGURED, f"{shown} is not a readable file", "name a regular file", name)
    return Failed(FailureCode.UNAVAILABLE, f"{shown} could not be read", "check the file system it is on", name)
