"""The text of an export: for readers of ``.env`` files, for a shell to evaluate, or as JSON."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from secretsource.providers.reference import is_pointer, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DOTENV", "FORMATS", "JSON", "SHELL", "exported", "name_problem", "value_problem"]

DOTENV, SHELL, JSON = "dotenv", "shell", "json"
FORMATS = (DOTENV, SHELL, JSON)

_NAMES = {DOTENV: re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*"), SHELL: re.compile(r"[A-Za-z_][A-Za-z0-9_]*")}
"""Names that every reader takes for one."""

_BARE = re.compile(r"(?:[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*)?")
"""Values that every reader of ``.env`` files reads the same without quotes."""

_REPLACED = re.compile(r"\$\{[^}:]*(?::-[^}]*)?\}")
"""The text that python-dotenv replaces in any quotes, and that nothing can hide from it."""


def name_problem(form: str, name: str) -> str:
    """Return why a format cannot have a secret of this name; empty if it can.

    Args:
        form: The format.
        name: The secret.
    """
    if "://" in name:
        return "a secret is named by its bare name here, and not by a reference"
    if form in _NAMES and _NAMES[form].fullmatch(name) is None:
        letters = "letters, digits, '_', '.' and '-'" if form == DOTENV else "letters, digits and '_'"
        return f"a name in the format {form} must have {letters}, and begin with no digit, not {name!r}"
    return ""


def value_problem(form: str, text: str) -> str:
    """Return why no reader of a format would read this value as it is; empty for a value that can be written.

    Args:
        form: The format.
        text: The value.
    """
    if form == JSON:
        return ""
    if "\0" in text:
        return "has a NUL character, which no variable can hold"
    if form == DOTENV and _REPLACED.search(text) is not None:
        return "has a ${…}, which many readers of .env files replace"
    if form == DOTENV and (is_pointer(text) or literal(text) is not None):
        return "begins like a reference to another place, which a reader of the file would follow"
    return ""


def exported(form: str, values: Mapping[str, str]) -> str:
    """Write values as a text that ends in a line end; each must be without a problem.

    Args:
        form: The format.
        values: The value of each name.
    """
    if form == JSON:
        return json.dumps(dict(values), indent=2) + "\n"
    if form == SHELL:
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    r"""Quote a value for a ``.env`` file, with as few escapes as possible, because readers differ in them.

    A carriage return is escaped, because a line end is read as ``\n``.
    """
    if _BARE.fullmatch(value) is not None:
        return value
    if not {"'", "\\", "\r"} & set(value):
        return f"'{value}'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r") + '"'
