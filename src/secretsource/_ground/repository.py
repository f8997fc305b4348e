"""The repository around the working directory, and the files in it that count.

The search for ``secretsource.toml`` and for ``.env`` goes up to the folder that holds ``.git``. Above the working
directory, a file counts only if no user but this one and root could have put it there. A folder that others may write
to, such as ``/tmp``, may hold a ``.git`` and a file of theirs (the shape of CVE-2022-24765).
"""

# ruff: noqa: PTH100, PTH123, PTH109, PTH111, PTH115, PTH116, PTH118, PTH119, PTH120 - pathlib loads urllib, which a first look-up must not
from __future__ import annotations

import os
import stat

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Nearest", "Sighting", "folders", "mentions", "nearest", "sightings"]

LONGEST = 1024 * 1024
"""Longest file, in bytes, that is searched for a word."""

MAX_LINKS = 40
"""Most links that one path may lead through, as on Linux."""

HAS_OWNERS = os.name == "posix"
"""Whether the standard library knows the owner of a file; on Windows it does not."""


class Sighting(NamedTuple):
    """A file with a name that was looked for.

    Attributes:
        path: Its path.
        doubt: The reason why it does not count, as one clause, or None.
    """

    path: str
    doubt: str | None

    @property
    def notice(self) -> str:
        """One clause about a file that does not count."""
        return f"{self.path} is ignored, because {self.doubt}"


class Nearest(NamedTuple):
    """The result of a search.

    Attributes:
        path: The nearest file that counts, or None.
        passed_over: Nearer files that do not count.
    """

    path: str | None
    passed_over: tuple[Sighting, ...]


def folders() -> list[str]:
    """Return the working directory and its parents, up to the repository's root; outside of a repository, it alone.

    Empty if the working directory is gone.
    """
    try:
        folder = os.getcwd()
    except OSError:
        return []
    around = [folder]
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return around[:1]
        around.append(folder := above)
    return around


def sightings(names: Sequence[str], is_there: Callable[[str], bool]) -> Iterator[Sighting]:
    """Yield every file of one of these names around the working directory, the nearest first.

    Args:
        names: The names of files, in the order in which they count within one folder.
        is_there: Whether a path is such a file; it is also asked about files that do not count.
    """
    around = folders()
    root_doubt: str | None = None
    is_judged = False
    for depth, folder in enumerate(around):
        for path in (os.path.join(folder, name) for name in names):
            if not is_there(path):
                continue
            if depth and not is_judged:
                root_doubt, is_judged = doubt_about(os.path.join(around[-1], ".git")), True
            yield Sighting(path, root_doubt or doubt_about(path) if depth else None)


def mentions(path: str, word: bytes) -> bool:
    """Return whether a regular file contains a word, or may contain it: it is too long, or closed to this process.

    The word counts in UTF-16 too, which its reader can then refuse.

    It never waits, since the file may be another user's: a pipe or a device is not opened.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return False
        if status.st_size > LONGEST:
            return True
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    with open(descriptor, "rb") as file:
        return word in file.read(LONGEST).replace(b"\0", b"")


def nearest(names: Sequence[str], is_there: Callable[[str], bool]) -> Nearest:
    """Return the nearest file of one of these names that counts."""
    passed_over: list[Sighting] = []
    for sighting in sightings(names, is_there):
        if sighting.doubt is None:
            return Nearest(sighting.path, tuple(passed_over))
        passed_over.append(sighting)
    return Nearest(None, tuple(passed_over))


def doubt_about(path: str) -> str | None:
    """Return why a path does not count, or None; this checks its folder, itself, and the targets of its links.

    An unreadable file in a folder that counts, counts too: reading it reports that it is closed.
    """
    for _ in range(MAX_LINKS):
        folder = os.path.dirname(path)
        try:
            doubt = _doubt(folder, os.stat(folder))
        except OSError:
            return f"{folder} cannot be looked at"
        if doubt is not None:
            return doubt
        try:
            status = os.lstat(path)
            target = os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
        except OSError:
            return None
        doubt = _doubt(path, status)
        if doubt is not None or target is None:
            return doubt
        path = os.path.join(folder, target)
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return f"{path} is reached through more than {MAX_LINKS} links"


def _doubt(path: str, status: os.stat_result) -> str | None:
    return ownership_doubt(path, status, os.geteuid()) if HAS_OWNERS else home_doubt(path, os.path.expanduser("~"))


def ownership_doubt(path: str, status: os.stat_result, user: int) -> str | None:
    """Return why a file or folder could be another user's, or None.

    A group with the number of its owner, or of the user, belongs to that user alone, as Linux distributions make it.
    """
    if status.st_uid not in {0, user}:
        return f"{path} belongs to user {status.st_uid}, and not to this user ({user}) or root"
    if stat.S_ISLNK(status.st_mode):
        return None
    mode = f"mode {stat.S_IMODE(status.st_mode):04o}"
    if status.st_mode & stat.S_IWOTH:
        return f"every user may write to {path} ({mode})"
    if status.st_mode & stat.S_IWGRP and status.st_gid not in {status.st_uid, user}:
        return f"group {status.st_gid} may write to {path} ({mode})"
    return None


def home_doubt(path: str, home: str) -> str | None:
    """Return why a path could be another user's on a system without owners: it is outside of the user's home folder."""
    inside = os.path.normcase(os.path.abspath(path)).startswith(os.path.normcase(os.path.join(home, "")))
    at_home = os.path.normcase(os.path.abspath(path)) == os.path.normcase(home)
    return None if inside or at_home else f"{path} is outside of your home folder, and its owner is unknown"
