"""Find and read the configuration file; the only part of the configuration that touches the disk."""

from __future__ import annotations

import tomllib
from pathlib import Path

from secretsource.exceptions import ConfigurationError

FILE_NAME = "secretsource.toml"
PROJECT_FILE_NAME = "pyproject.toml"


def find_config() -> Path | None:
    """The configuration that holds for the working directory, or None.

    That is ``secretsource.toml``, or ``pyproject.toml`` with a table ``[tool.secretsource]``, in the directory or the
    nearest above it, up to the root of the repository (the folder with ``.git``) and never beyond. Outside of a
    repository only the directory itself counts: what lies above it may belong to somebody else.
    """
    for folder in _repository_folders():
        own, project = folder / FILE_NAME, folder / PROJECT_FILE_NAME
        if _is_there(own):  # a directory too: the container engine makes one where the file to mount is missing
            return own
        if _is_there(project) and _mentions_us(project):
            return project
    return None


def read_config(file: Path) -> str:
    """The text of a configuration file.

    Raises:
        ConfigurationError: It is not there, cannot be read, or is not UTF-8.
    """
    return _decoded(_content(file), file)


def _repository_folders() -> list[Path]:
    try:
        directory = Path.cwd()
    except OSError:  # it was removed
        return []
    folders = [directory, *directory.parents]
    roots = (depth for depth, folder in enumerate(folders) if _is_there(folder / ".git"))
    return folders[: next(roots, 0) + 1]


def _is_there(path: Path) -> bool:
    """Whether there is something, or may be: in a folder that is closed to us, reading says so."""
    try:
        return path.exists()
    except PermissionError:
        return True
    except OSError:
        return False


def _mentions_us(project: Path) -> bool:
    """Whether there is a table of ours; a file that does not even have the word is not parsed."""
    content = _content(project)
    if b"secretsource" not in content:
        return False
    try:
        tool = tomllib.loads(_decoded(content, project)).get("tool")
    except (ValueError, RecursionError):
        return True  # reading it as a configuration says what is wrong with it
    return isinstance(tool, dict) and "secretsource" in tool


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        mistake = f"there is no configuration file {file}: check the path, or SECRETSOURCE_CONFIG if it came from there"
    except IsADirectoryError:
        mistake = f"{file} is a directory, where the configuration file is expected"
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        mistake = f"the configuration file {file} cannot be read ({type(error).__name__}): check its permissions"
    raise ConfigurationError(mistake)


def _decoded(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise ConfigurationError(f"{file}, line {line}: this is not UTF-8 text; save the file in that encoding")
