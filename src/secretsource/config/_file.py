"""Find and read the configuration file; the only part of the configuration that touches the disk."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

from secretsource._ground.repository import Nearest, folders, mentions, nearest, sightings
from secretsource.exceptions import ConfigurationError

FILE_NAME = "secretsource.toml"
PROJECT_FILE_NAME = "pyproject.toml"
FILE_NAMES = (FILE_NAME, PROJECT_FILE_NAME)


def find_config() -> Nearest:
    """Find the configuration of the working directory, and nearer files that do not count.

    It is ``secretsource.toml``, or ``pyproject.toml`` with a table ``[tool.secretsource]``. The nearest one counts, up
    to the root of the repository (the folder with ``.git``) and never beyond. Outside of a repository only the
    directory itself counts: the folders above it may belong to somebody else.
    """
    return nearest(FILE_NAMES, _is_configuration)


def find_dotenv() -> Nearest:
    """Find the nearest ``.env``, from the working directory up to the root of the repository."""
    return nearest((".env",), os.path.isfile)


def unread_files(file: Path) -> list[Path]:
    """Return the configurations around the working directory that count and are not read, because ``file`` is."""
    there = (Path(seen.path) for seen in sightings(FILE_NAMES, _is_configuration) if seen.doubt is None)
    return [path for path in there if path != file.absolute()]


def nowhere(search: Nearest) -> str:
    """Return where a configuration was looked for, as one clause, when none was found."""
    looked = " or ".join(folders()) or "the working directory, which is gone"
    place = f"there is no {FILE_NAME}, and no {PROJECT_FILE_NAME} with [tool.secretsource], in {looked}"
    return "; ".join([place, *(seen.notice for seen in search.passed_over)])


def read_config(file: Path) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigurationError: It is not there, cannot be read, or is not UTF-8.
    """
    return _decoded(_content(file), file)


def _is_configuration(path: str) -> bool:
    """Return whether there is a configuration: also a directory, which container engines make for a missing file."""
    file = Path(path)
    return _is_there(file) and (file.name == FILE_NAME or _mentions_us(file))


def _is_there(path: Path) -> bool:
    """Return whether a path is there, a broken link too, or may be: in a closed folder, reading says what is wrong."""
    try:
        path.lstat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _mentions_us(project: Path) -> bool:
    """Return whether there is a table of ours; a file that does not even have the word is not parsed."""
    if not mentions(str(project), b"secretsource"):
        return False
    try:
        tool = tomllib.loads(read_config(project)).get("tool")
    except (ConfigurationError, ValueError, RecursionError):
        return True  # reading it as a configuration says what is wrong with it
    return isinstance(tool, dict) and "secretsource" in tool


def _content(file: Path) -> bytes:
    try:
        kind = stat.S_IFMT(file.stat().st_mode)
        if kind == stat.S_IFREG:  # opening a pipe could wait for ever
            return file.read_bytes()
        what = "a directory" if kind == stat.S_IFDIR else "not a regular file"
        mistake = f"{file} is {what}, where the configuration file is expected"
    except FileNotFoundError:
        mistake = (
            f"{file} is a link to a file that does not exist: make that configuration file, or remove the link"
            if file.is_symlink()
            else f"there is no configuration file {file}: check the path, or SECRETSOURCE_CONFIG if it came from there"
        )
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        mistake = f"the configuration file {file} cannot be read ({type(error).__name__}): check its permissions"
    raise ConfigurationError(mistake)


def _decoded(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise ConfigurationError(f"{file}, line {line}: this is not UTF-8 text; save the file in that encoding")
