"""Secrets in a ``.env`` file, which is read and never loaded into the environment."""

# ruff: noqa: PTH109, PTH116, PTH118, PTH120 - pathlib loads urllib, which the import of the package must not
from __future__ import annotations

import os
import stat
from io import StringIO

from secretsource._clock import SYSTEM_CLOCK
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers._regular_file import Contents, read_file, signature_at, write_file
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
    from typing import ClassVar, TypeAlias

    from dotenv.parser import Original

    from secretsource.providers._regular_file import Signature
    from secretsource.providers.base import Outcome, Written

    _Lines: TypeAlias = dict[str, str | None]

__all__ = ["DotenvProvider"]

FILE_NAME = ".env"
PREVIOUS = "_PREVIOUS"

SETTLED = 2_000_000_000
"""Age in nanoseconds from which a change of a file is sure to change its time; FAT counts in steps of 2 seconds."""


class DotenvProvider(WritableProvider, IdentifiedProvider):
    """Reads ``NAME=value`` lines as python-dotenv does; the value before a rotation is in ``NAME_PREVIOUS``.

    Without a path, the nearest ``.env`` is taken, from the working directory up to the folder that holds ``.git``;
    outside of a repository only the working directory is looked at. The file is parsed again when it has changed. Of
    two lines with one name the later counts. A line that cannot be parsed fails every name, since nobody can tell
    whose it was.

    There is no version: all names share one file, so its times would report a rotation of each for a change of one.

    Args:
        path: The file; a relative path starts at the working directory.
        interpolate: Replace ``${NAME}`` by the environment's value of it, else by the file's, in any quotes.
        encoding: Of the file, as Python names it.

    Raises:
        ConfigurationError: There is no such encoding.
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
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not _is_encoding(encoding):
            raise ConfigurationError(f"provider {self.name!r} has no encoding {encoding!r}: leave it out for UTF-8")
        self._path = path
        self._interpolate = interpolate
        self._encoding = encoding
        self._parsed: _Parsed | None = None

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """``NAME_PREVIOUS``, where whoever rotates the value may leave the old one."""
        return ref._replace(location=ref.location + PREVIOUS)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Look the name up in the file, read anew if it has changed."""
        if ref.version is not None or ref.stage is not None:
            return NotFound("a .env file keeps no versions")
        path = self._path or _nearest()
        if path is None:
            return NotFound("there is no .env file from the working directory up to the repository's root")
        lines = self._lines(path)
        return _look_up(ref.location, lines, path) if isinstance(lines, dict) else lines

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Replace the line, or append one; every other line, comments too, stays as it is, and the mode becomes 0600.

        Without a path and without a ``.env`` that is found, one is made in the working directory.
        """
        refusal = self.refusal(ref)
        if refusal is not None:
            return refusal
        if isinstance(value, bytes):
            return _malformed("a .env file holds text, and the value is bytes", "encode it as base64")
        path = self._path or _nearest() or FILE_NAME
        kept = read_file(path, path)
        if isinstance(kept, Failed):
            return kept
        there = NotFound() if isinstance(kept, NotFound) else self.fetch(ref, timeout=timeout)
        if isinstance(there, Failed):
            return there
        if isinstance(there, Found) and not overwrite:
            return Occupied()
        content = self._with_line(kept.value if isinstance(kept, Contents) else b"", ref.location, value)
        lines = self._parse(content, path) if content is not None else None
        if content is None or not isinstance(lines, dict) or lines.get(ref.location) != value:
            return _malformed("a .env file cannot hold this name or value", "keep it in a file of its own")
        written = write_file(path, content, path, overwrite=True)
        return Stored() if isinstance(written, Stored) else written

    def identify(self, *, timeout: float) -> Identity | Failed:
        """The file; the operating system knows who asks."""
        path = self._path or _nearest()
        return Identity(f"file {path}" if path else f"no {FILE_NAME} file here")

    def _with_line(self, content: bytes, name: str, value: str) -> bytes | None:
        """The file with the last line of this name replaced, or one appended; None when that is not to be written."""
        from dotenv.parser import parse_stream

        text = content.decode(self._encoding)
        bindings = list(parse_stream(StringIO(text, newline="")))
        place = max((number for number, binding in enumerate(bindings) if binding.key == name), default=None)
        statements = [binding.original.string for binding in bindings]
        if place is None:
            if text and not text.endswith(("\n", "\r")):
                statements.append("\n")
            statements.append(f"{name}={_quoted(value)}\n")
        else:
            statements[place] = _rewritten(statements[place], name, value, bindings[place].value)
        try:
            return "".join(statements).encode(self._encoding)
        except UnicodeEncodeError:
            return None

    def close(self) -> None:
        """Forget what was read."""
        self._parsed = None

    def reset(self) -> None:
        """Forget what was read."""
        self._parsed = None

    def _lines(self, path: str) -> _Lines | NotFound | Failed:
        """Names and values of the file; from memory when it is the same file as before."""
        signature = signature_at(path)
        parsed = self._parsed
        if parsed is not None and parsed.path == path and parsed.signature == signature:
            return parsed.lines
        now = SYSTEM_CLOCK.now().wall * 1e9
        content = read_file(path, path)
        if not isinstance(content, Contents):
            return content
        lines = self._parse(content.value, path)
        # A file written a moment ago may be written again without a change of its times: it is not remembered.
        # Nor is one whose values depend on the environment.
        settled = signature is not None and now - signature.changed > SETTLED
        if settled and not self._interpolate and isinstance(lines, dict):
            self._parsed = _Parsed(path, signature, lines)
        return lines

    def _parse(self, content: bytes, path: str) -> _Lines | Failed:
        from dotenv.main import resolve_variables
        from dotenv.parser import parse_stream

        try:
            text = content.decode(self._encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            return _malformed(f"line {line} of {path} is not {self._encoding}", "save the file in this encoding")
        pairs: list[tuple[str, str | None]] = []
        for binding in parse_stream(StringIO(text.removeprefix("\ufeff"))):
            if binding.error:
                remedy = "write NAME=value there, with both quotes if any, or # before a comment"
                return _malformed(f"line {_line_of(binding.original)} of {path} cannot be parsed", remedy)
            if binding.key is not None:
                pairs.append((binding.key, binding.value))
        return dict(resolve_variables(pairs, override=False) if self._interpolate else pairs)


class _Parsed:
    """A file as it was read; no tuple, so that nothing that walks sequences walks into the values."""

    __slots__ = ("lines", "path", "signature")

    def __init__(self, path: str, signature: Signature | None, lines: _Lines) -> None:
        self.path = path
        self.signature = signature
        self.lines = lines


def _nearest() -> str | None:
    """The nearest ``.env`` between the working directory and the repository's root."""
    try:
        folder = start = os.getcwd()
    except OSError:  # it was deleted, or may not be entered: reading a file in it says which
        return FILE_NAME
    folders = [start]
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            folders = [start]
            break
        folders.append(folder := above)
    paths = (os.path.join(folder, FILE_NAME) for folder in folders)
    return next((path for path in paths if _is_there(path)), None)


def _is_there(path: str) -> bool:
    """Whether there is a file to read, or one that we may not see; a folder may be somebody's virtual environment."""
    try:
        return not stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return False


def _look_up(name: str, lines: _Lines, path: str) -> Outcome:
    if name not in lines:
        return NotFound()
    value = lines[name]
    if value is None:
        return NotFound(f"the line {name!r} of {path} has no '='")
    if "\0" in value:
        return _malformed(f"the value of {name!r} in {path} has a NUL character", "remove it, or keep it in a file")
    return Found(value)


def _quoted(value: str) -> str:
    """A value in single quotes, in which only these two characters mean something else."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _rewritten(statement: str, name: str, value: str, before: str | None) -> str:
    """A statement with another value; what stands before it, its ``export`` and its comment are kept."""
    import re

    body = statement.lstrip()
    lead = statement[: len(statement) - len(body)]
    export = "export " if re.match(r"export\s", body) else ""
    end = re.search(r"[\r\n]*\Z", statement)
    comment = None if "#" in (before or "") else re.search(r"[^\S\r\n]+#[^\r\n]*(?=[\r\n]*\Z)", statement)
    return f"{lead}{export}{name}={_quoted(value)}{comment[0] if comment else ''}{end[0] if end else ''}"


def _line_of(original: Original) -> int:
    """The number of the line where a statement begins; the parser counts from the empty lines before it."""
    text = original.string.replace("\r\n", "\n").replace("\r", "\n")
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _malformed(reason: str, remedy: str) -> Failed:
    return Failed(FailureCode.MALFORMED, reason, remedy)


def _is_encoding(name: str) -> bool:
    try:
        "x".encode(name)
    except (LookupError, ValueError):
        return False
    return True
