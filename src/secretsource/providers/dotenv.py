"""Secrets in a ``.env`` file, which is read but never loaded into the environment."""

# ruff: noqa: PTH114, PTH116 - pathlib loads urllib, which the import of the package must not
from __future__ import annotations

import os
import stat
from threading import Lock
from time import monotonic

from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource._ground.repository import Nearest, folders, nearest
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers._regular_file import Contents, path_of, read_file, signature_at, write_file
from secretsource.providers.base import (
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    Identity,
    NotFound,
    Occupied,
    SecretRef,
    Stored,
    WritableProvider,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Literal, TypeAlias

    from secretsource.providers._dotenv.interpolation import Held
    from secretsource.providers._dotenv.text import Pairs
    from secretsource.providers._regular_file import Signature
    from secretsource.providers.base import Outcome, Written

    Lines: TypeAlias = dict[str, Held]

__all__ = ["DotenvProvider"]

FILE_NAME = ".env"
EMPTY = ("value", "absent")
PREVIOUS = "_PREVIOUS"

SETTLED = 2_000_000_000
"""Age in nanoseconds from which a further write certainly changes a file's time; FAT counts in steps of 2 seconds."""


class DotenvProvider(WritableProvider, IdentifiedProvider):
    """A reader of ``NAME=value`` lines, as python-dotenv reads them; ``NAME_PREVIOUS`` is the value before a rotation.

    Without a path, the nearest ``.env`` is taken, from the working directory up to the folder that holds ``.git``.
    Outside of a repository, only the working directory is searched. Above the working directory, a file counts only if
    no other user could have put it there. The file is parsed again when it has changed. The later of two lines with one
    name counts. A line that cannot be parsed, makes a name vanish or cuts a value short fails every name, since its
    name is uncertain.

    There is no version: all names share one file, so its times would report a rotation of each for a change of one.

    Args:
        path: The file; a relative path starts at the working directory.
        interpolate: Replace ``${NAME}`` by its value in the environment, else in the file, in any quotes.
        encoding: Of the file, as Python names it.
        empty: The meaning of ``NAME=``: an empty ``value``, or that the secret is ``absent``.
        pipe: Read a named pipe too: once, until its writer closes it, and store its content.

    Raises:
        ConfigurationError: There is no such encoding, ``empty`` is another word, or ``path`` is not a path.
    """

    scheme: ClassVar[str] = "dotenv"
    url_setting: ClassVar[str | None] = "path"
    max_age: float | None = 1.0
    follows: bool = True

    @traceless
    def __init__(
        self,
        path: str | None = None,
        interpolate: bool = False,
        encoding: str = "utf-8",
        empty: Literal["value", "absent"] = "value",
        pipe: bool = False,
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if empty not in EMPTY:
            raise ConfigurationError(f"provider {self.name!r}: empty must be 'value' or 'absent'")
        if not _is_encoding(encoding):
            raise ConfigurationError(f"provider {self.name!r} has no encoding {encoding!r}: leave it out for UTF-8")
        self._path = path_of(path, f"provider {self.name!r}: path")
        self._interpolate = interpolate
        self._encoding = encoding
        self._empty_is_absent = empty == "absent"
        self._pipe = pipe
        self._piping = Lock()
        self._parsed: _Parsed | None = None

    @property
    def site(self) -> str:
        """The file, or None."""
        return self._search().path or ""

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return ``NAME_PREVIOUS``, where a rotation may leave the old value."""
        return ref._replace(location=ref.location + PREVIOUS)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Look the name up in the file, read anew if it has changed."""
        if ref.version is not None or ref.stage is not None:
            return NotFound("a .env file keeps no versions")
        search = self._search()
        if search.path is None:
            return NotFound(_nowhere(search))
        pairs = self._pairs(search.path, timeout)
        return self._look_up(ref.location, pairs, search.path) if isinstance(pairs, list) else pairs

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Replace the line, or append one; all other lines and comments stay, and the mode becomes 0600.

        Without a path and without a ``.env``, a file is made in the working directory. A value that would change when
        read again, such as one with a carriage return, is refused.
        """
        refusal = self.refusal(ref)
        if refusal is not None:
            return refusal
        if isinstance(value, bytes):
            return _malformed("a .env file holds text, and the value is bytes", "encode it as base64")
        path = self._search().path or FILE_NAME
        kept = read_file(path, path)
        if isinstance(kept, Failed):
            return kept
        content = kept.value if isinstance(kept, Contents) else b""
        before = self._parse(content, path)
        if isinstance(before, Failed):
            return before
        there = self._look_up(ref.location, before, path)
        if isinstance(there, Failed):
            return there
        if isinstance(there, Found) and not overwrite:
            return Occupied()
        edited = self._edited(content, ref.location, value, path)
        if edited is None:
            return _malformed("a .env file cannot hold this name or value", "keep it in a file of its own")
        written = write_file(path, edited, path, overwrite=True)
        return Stored() if isinstance(written, Stored) else written

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Return the file; the operating system knows who asks."""
        search = self._search()
        if search.path is not None:
            return Identity(f"file {search.path}")
        return Identity("; ".join([f"no {FILE_NAME} file here", *(seen.notice for seen in search.passed_over)]))

    def close(self) -> None:
        """Forget the content."""
        self._parsed = None

    def reset(self) -> None:
        """Forget the content, except a pipe's: it is the same for the child of a fork."""
        self._piping = Lock()
        if self._parsed is not None and not self._parsed.is_piped:
            self._parsed = None

    def _search(self) -> Nearest:
        """Return the path of the file: as set, else nearest to the working directory."""
        if self._path:
            return Nearest(self._path, ())
        if not folders():  # the working directory was deleted, or may not be entered; reading a file reports which
            return Nearest(FILE_NAME, ())
        return nearest((FILE_NAME,), _is_there)

    def _pairs(self, path: str, timeout: float) -> Pairs | NotFound | Failed:
        """Return names and values of the file; from memory when it is the same file as before."""
        signature = signature_at(path)
        parsed = self._parsed
        if parsed is not None and parsed.is_of(path, signature):
            return parsed.pairs
        now = SYSTEM_CLOCK.now().wall * 1e9
        content = read_file(path, path)
        if isinstance(content, Failed):
            from secretsource.providers._dotenv.pipe import is_pipe

            return self._piped(path, timeout) if is_pipe(path) else content
        if isinstance(content, NotFound):
            return content
        pairs = self._parse(content.value, path)
        # A file written a moment ago may be written again at the same time: it is not remembered.
        settled = signature is not None and now - signature.changed > SETTLED
        if settled and isinstance(pairs, list):
            self._parsed = _Parsed(path, signature, pairs)
        return pairs

    def _piped(self, path: str, timeout: float) -> Pairs | NotFound | Failed:
        """Return the names and values of a named pipe; its writer is asked once for all threads."""
        from secretsource.providers._dotenv.pipe import read_pipe

        if not self._pipe:
            return Failed(FailureCode.MISCONFIGURED, f"{path} is a named pipe", "set pipe = true to have it read")
        until = monotonic() + timeout
        with self._piping:
            parsed, signature = self._parsed, signature_at(path)
            if parsed is not None and parsed.is_of(path, signature):
                return parsed.pairs
            content = read_pipe(path, path, until - monotonic())
            if not isinstance(content, Contents):
                return content
            pairs = self._parse(content.value, path)
            if isinstance(pairs, list):
                self._parsed = _Parsed(path, signature, pairs, is_piped=True)
            return pairs

    def _parse(self, content: bytes, path: str) -> Pairs | Failed:
        from secretsource.providers._dotenv.text import Mistake, read_pairs

        try:
            text = content.decode(self._encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            return _malformed(f"line {line} of {path} is not {self._encoding}", "save the file in this encoding")
        pairs = read_pairs(text)
        if isinstance(pairs, Mistake):
            return _malformed(f"line {pairs.line} of {path} {pairs.problem}", pairs.remedy)
        return pairs

    def _lines(self, pairs: Pairs) -> Lines:
        """Return the value of each name; with ``interpolate`` it also depends on the environment."""
        if not self._interpolate:
            return dict(pairs)
        from secretsource.providers._dotenv.interpolation import interpolated

        return interpolated(pairs, os.environ)

    def _look_up(self, name: str, pairs: Pairs, path: str) -> Outcome:
        lines = self._lines(pairs)
        if name not in lines:
            return NotFound()
        value = lines[name]
        if value is None:
            return NotFound(f"the line {name!r} of {path} has no '='")
        if not isinstance(value, str):
            return _malformed(f"the value of {name!r} in {path} {value.problem}", value.remedy)
        if not value and self._empty_is_absent:
            return NotFound(f"the line {name!r} of {path} is empty")
        return Found(value)

    def _edited(self, content: bytes, name: str, value: str, path: str) -> bytes | None:
        """Return the file with this value for this name; None if reading would change it."""
        from secretsource.providers._dotenv.editing import edited

        try:
            after = edited(content.decode(self._encoding), name, value).encode(self._encoding)
        except UnicodeEncodeError:
            return None
        pairs = self._parse(after, path)
        if isinstance(pairs, Failed):
            return None
        read = self._look_up(name, pairs, path)
        return after if isinstance(read, Found) and read.value == value else None


class _Parsed:
    """A file as it was read; not a tuple, so that code that walks sequences does not walk into the values."""

    __slots__ = ("is_piped", "pairs", "path", "signature")

    def __init__(self, path: str, signature: Signature | None, pairs: Pairs, *, is_piped: bool = False) -> None:
        self.path = path
        self.signature = signature
        self.pairs = pairs
        self.is_piped = is_piped

    def is_of(self, path: str, now: Signature | None) -> bool:
        """Return whether this is still the content; a pipe's times change when it is read, but its content stays."""
        then = self.signature
        if self.path != path or then is None or now is None:
            return False
        return then.inode == now.inode if self.is_piped else then == now


def _nowhere(search: Nearest) -> str:
    """Return why there is no file."""
    reason = "there is no .env file from the working directory up to the repository's root"
    return "; ".join([reason, *(f"{seen.notice}; set its path to have it read" for seen in search.passed_over)])


def _is_there(path: str) -> bool:
    """Return whether there is a file to read, a hidden one, or a broken link; a folder may be a virtual environment."""
    try:
        return not stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return os.path.islink(path)


def _malformed(reason: str, remedy: str) -> Failed:
    return Failed(FailureCode.MALFORMED, reason, remedy)


def _is_encoding(name: str) -> bool:
    try:
        "x".encode(name)
    except (LookupError, TypeError, ValueError):
        return False
    return True
