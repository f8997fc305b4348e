"""Docstrings, signatures and values of the code as Markdown (pure)."""

from __future__ import annotations

import inspect
import re
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from secretsource._ground.sentinels import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):$", re.MULTILINE)
_FIRST_KEYWORD = "default"
"""From here on keyword-only for type checkers, and positional at run time for speed."""

_STARS: Mapping[inspect._ParameterKind, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
_HEADINGS = {"Args": ("argument", "meaning"), "Attributes": ("attribute", "meaning"), "Raises": ("raises", "when")}


def signature(of: Any) -> str:
    """The parameters of a callable, without types."""
    parameters = list(inspect.signature(of).parameters.values())
    if parameters and parameters[0].name in {"self", "cls"}:
        del parameters[0]
    words, keyword_only = [], False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY or parameter.name == _FIRST_KEYWORD:
            words += [] if keyword_only else ["*"]
            keyword_only = True
        stars = _STARS.get(parameter.kind, "")
        keyword_only = keyword_only or stars == "*"
        default = "" if parameter.default is parameter.empty else f"={shown(parameter.default, tick='')}"
        words.append(f"{stars}{parameter.name}{default}")
    return f"({', '.join(words)})"


def summary(of: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return plain(inspect.getdoc(of) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")


def prose(text: str | None) -> str:
    """A docstring as paragraphs and one table for each of its sections."""
    whole = inspect.cleandoc(text or "")
    head = _SECTION.split(whole, maxsplit=1)[0].strip()
    parts = [plain(head)]
    for title, entries in sections(whole).items():
        if title == "Returns":
            parts.append("Returns: " + " ".join(entries.values()))
        else:
            parts.append(table(_HEADINGS[title], [(f"`{key}`", meaning) for key, meaning in entries.items()]))
    return "\n\n".join(parts)


def sections(text: str) -> dict[str, dict[str, str]]:
    """The sections of a Google docstring: title to entry to meaning."""
    pieces = _SECTION.split(inspect.cleandoc(text))[1:]
    return {title: entries(body) for title, body in zip(pieces[::2], pieces[1::2], strict=True)}


def entries(body: str) -> dict[str, str]:
    """The entries of a section; what has no name of its own is kept under an empty one."""
    found: dict[str, str] = {}
    name = ""
    for line in dedent(body.strip("\n").split("\n\n")[0]).splitlines():
        match = re.match(r"(?P<name>[*\w]+): (?P<rest>.+)", line)
        name, said = (match["name"], match["rest"]) if match else (name, line.strip())
        found[name] = f"{found[name]} {said}" if name in found else said
    return {name: plain(meaning) for name, meaning in found.items()}


def plain(text: str) -> str:
    """Docstring markup as Markdown."""
    return text.replace("``", "`")


def shown(value: object, tick: str = "`") -> str:
    """A default as a reader would write it."""
    if value is UNSET:
        return f"{tick}UNSET{tick}"
    if value is None and tick:
        return "none"
    text = {True: "true", False: "false"}.get(value) if tick and isinstance(value, bool) else None
    return f"{tick}{text or ('…' if ' at 0x' in repr(value) else repr(value))}{tick}"


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    headings = list(headings)
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
