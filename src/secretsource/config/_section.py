"""One table of a configuration file, read key by key; what is wrong is said with file, line and table.

No message quotes a value: it may be a secret.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from secretsource._ground.suggest import unknown
from secretsource.config._lines import line_index
from secretsource.config._mistake import TOO_DEEP, mistake_in
from secretsource.exceptions import ConfigurationError, ProviderNotInstalled

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path


class Section:
    """A table and where it stands.

    Attributes:
        file: The file, for messages.
        path: Keys from the root of the file to this table.
        table: Its content.
    """

    __slots__ = ("_lines", "file", "path", "table")

    def __init__(
        self,
        file: Path,
        lines: Mapping[tuple[str | int, ...], int],
        path: tuple[str | int, ...],
        table: Mapping[str, object],
    ) -> None:
        self.file = file
        self.path = path
        self.table = table
        self._lines = lines

    def label(self, *keys: str) -> str:
        """Return how the table below ``keys`` is written in the file, such as ``[providers.aws]``."""
        return f"[{'.'.join(map(str, (*self.path, *keys)))}]"

    def line(self, key: str | None = None) -> int | None:
        """Return the line of a key, else of what holds it; None for what the file does not mention."""
        path = self.path if key is None else (*self.path, key)
        known = (self._lines.get(path[:length]) for length in range(len(path), 0, -1))
        return next((line for line in known if line is not None), None)

    def wrong(self, message: str, key: str | None = None) -> ConfigurationError:
        """Return the error to raise about a key, or about the table itself."""
        line = self.line(key)
        place = str(self.file) if line is None else f"{self.file}, line {line}"
        if self.path:
            place += f", in {self.label()}"
        return ConfigurationError(f"{place}: {message}")

    @contextmanager
    def locating(self, key: str, hint: str = "") -> Generator[None]:
        """Put the place of a key before what is wrong inside; a missing package is not a mistake of the file."""
        try:
            yield
        except ProviderNotInstalled:
            raise
        except ConfigurationError as error:
            raise self.wrong(f"{error}{hint}", key) from None

    def only(self, known: Sequence[str]) -> None:
        """Refuse every key but the known ones."""
        for key in self.table:
            if key not in known:
                raise self.wrong(unknown("key", key, list(known)), key)

    def section(self, key: str) -> Section:
        """Return the table below a key; an empty one if the key is missing."""
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(f"{key} must be a table", key)
        return Section(self.file, self._lines, (*self.path, key), value)

    def sections(self) -> dict[str, Section]:
        """Return every key with the table below it."""
        return {key: self.section(key) for key in self.table}

    def items(self, key: str) -> tuple[Section, ...]:
        """Return the tables of an array, ``[[…]]``; none if the key is missing."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(f"{key} must be tables: write  [{self.label(key)}]", key)
        return tuple(
            Section(self.file, self._lines, (*self.path, key, place), item) for place, item in enumerate(value)
        )

    def text(self, key: str) -> str | None:
        """Return a string; None if the key is missing."""
        value = self.table.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(f"{key} must be a string", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty if the key is missing."""
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(f"{key} must be a list of strings", key)
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} must be true or false", key)
        return value


def read_toml(text: str, file: Path) -> Section:
    """Return the root table of a file's text.

    Raises:
        ConfigurationError: The text is not TOML; says where and why, without quoting it.
    """
    complaint = ""
    try:
        table = tomllib.loads(text)
    except ValueError as error:  # beside its own error, the parser passes on that of an integer of too many digits
        complaint = str(error)
    except RecursionError:
        complaint = TOO_DEEP
    else:
        return Section(file, line_index(text), (), table)
    place, reason = mistake_in(text, complaint)
    del complaint  # it may quote a part of the text
    where = f"{file}, {place}" if place else str(file)
    raise ConfigurationError(f"{where}: this is not valid TOML{reason and f': {reason}'}")
