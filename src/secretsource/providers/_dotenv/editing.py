"""The text of a ``.env`` file with another value for one name."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re

from secretsource.providers._dotenv.text import BYTE_ORDER_MARK, bindings

__all__ = ["edited"]


def edited(text: str, name: str, value: str) -> str:
    """Return the text with the last line of this name replaced, or a new line appended; other lines are unchanged."""
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    body = text.removeprefix(mark)
    there = list(bindings(body))
    place = max((number for number, binding in enumerate(there) if binding.key == name), default=None)
    statements = [binding.original.string for binding in there]
    if place is None:
        if body and not body.endswith(("\n", "\r")):
            statements.append("\n")
        statements.append(f"{name}={_quoted(value)}\n")
    else:
        statements[place] = _rewritten(statements[place], name, value, there[place].value)
    return mark + "".join(statements)


def _quoted(value: str) -> str:
    """Return a value in single quotes, which escape only these two characters."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _rewritten(statement: str, name: str, value: str, before: str | None) -> str:
    """Return a statement with another value; the text before it, its ``export`` and its comment are unchanged."""
    body = statement.lstrip()
    lead = statement[: len(statement) - len(body)]
    export = "export " if re.match(r"export\s", body) else ""
    end = re.search(r"[\r\n]*\Z", statement)
    comment = None if "#" in (before or "") else re.search(r"[^\S\r\n]+#[^\r\n]*(?=[\r\n]*\Z)", statement)
    return f"{lead}{export}{name}={_quoted(value)}{comment[0] if comment else ''}{end[0] if end else ''}"
