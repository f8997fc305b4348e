"""The parts of the documentation that are made from the code.

    PYTHONPATH=src python -m tests.docs.generated          rewrite them

A page holds such a part between two comments, and a test fails when it is not what the code says now:

    <!-- generated: drivers -->
    …
    <!-- end -->
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from tests.docs.pages import ROOT, all_pages

from secretsource import exceptions
from secretsource._sentinels import UNSET
from secretsource.config import Config, SecretConfig, driver_settings
from secretsource.providers._registry import DRIVERS, driver_class
from secretsource.providers.base import FailureCode
from secretsource.resolver._failure import _CLASSES, _WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_PART = re.compile(r"<!-- generated: (?P<what>[\w. -]+) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):$", re.MULTILINE)
_FIRST_KEYWORD = "default"
"""From here on keyword-only for type checkers, and positional at run time for speed."""

_STARS: Mapping[inspect._ParameterKind, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
_HEADINGS = {"Args": ("argument", "meaning"), "Attributes": ("attribute", "meaning"), "Raises": ("raises", "when")}


def main() -> None:
    """Rewrite every generated part."""
    for page in all_pages():
        text = page.read_text()
        if text != (current := rewritten(text)):
            page.write_text(current)
            print(f"rewrote {page.relative_to(ROOT)}")


def rewritten(text: str) -> str:
    """A page with every generated part as the code has it now."""
    return _PART.sub(lambda part: f"<!-- generated: {part['what']} -->\n{made(part['what'])}\n<!-- end -->", text)


def made(what: str) -> str:
    """One part, by the words of its comment."""
    kind, _, of = what.partition(" ")
    makers: Mapping[str, Callable[[str], str]] = {
        "drivers": lambda _: "\n\n".join(map(driver, DRIVERS)),
        "fields": fields,
        "variables": variables,
        "errors": errors,
        "codes": codes,
        "tree": tree,
        "class": described_class,
        "function": described_function,
        "help": command_help,
    }
    return makers[kind](of)


# Settings


def driver(scheme: str) -> str:
    """The settings of a driver, under its scheme."""
    made_from = driver_class(scheme)
    path = f" (`{scheme}://{made_from.url_setting}`)" if made_from.url_setting else ""
    meanings: dict[str, str] = {}
    for each in reversed(made_from.__mro__):
        own = sections(each.__doc__ or "").get("Args", {})
        meanings |= {name: text for name, text in own.items() if not text.startswith("As for ")}
    rows = [
        (f"`{name}`", setting.wanted, "needed" if setting.required else shown(setting.default), meanings[name])
        for name, setting in driver_settings(made_from).items()
    ]
    return f"### `{scheme}`{path}\n\n" + table(("setting", "what it is", "default", "meaning"), rows)


def fields(name: str) -> str:
    """The fields of a configuration class that a file sets, with their defaults."""
    of: type[Any] = {"Config": Config, "SecretConfig": SecretConfig}[name]
    written = {"Config": ("ttl", "revalidate", "max_stale", "deadline", "negative_ttl", "max_entries", "jitter")}
    meanings = sections(of.__doc__ or "")["Attributes"]
    return table(
        ("key", "default", "meaning"),
        [
            (f"`{field.name}`", shown(field.default), meanings[field.name])
            for field in dataclasses.fields(of)
            if field.name in written.get(name, ("required", "description"))
        ],
    )


def variables(_: str) -> str:
    """Every variable of ``.env.example``, under the headings of that file."""
    parts: dict[str, list[tuple[str, str]]] = {}
    title, comment = "", ""
    for line in (ROOT / ".env.example").read_text().splitlines():
        heading = re.fullmatch(r"# --- (?P<title>.+?) -+", line)
        variable = re.fullmatch(r"#(?P<name>[A-Z0-9_]+)=", line)
        if heading:
            title, comment = heading["title"], ""
        elif variable and not title.startswith("your own"):
            rows = parts.setdefault(title, [])
            rows.append((f"`{variable['name']}`", comment or rows[-1][1]))
            comment = ""
        else:
            comment = f"{comment} {line.removeprefix('# ')}".strip()
    return "\n\n".join(f"### {title}\n\n{table(('variable', 'meaning'), rows)}" for title, rows in parts.items())


# Errors


def tree(_: str) -> str:
    """The tree of errors, as its module draws it."""
    text = exceptions.__doc__ or ""
    return "<!-- not run: a picture -->\n```text\n" + text.split("\n\n")[1].strip() + "\n```"


def errors(root: str) -> str:
    """The errors below one class, each with what it means and carries."""
    rows = []
    for name in exceptions.__all__:
        error = getattr(exceptions, name)
        if issubclass(error, getattr(exceptions, root)) and (error.__name__ != root or not error.__subclasses__()):
            carried = sections(error.__doc__ or "").get("Attributes", {})
            rows.append((f"`{name}`", summary(error), "; ".join(f"`.{key}` {text}" for key, text in carried.items())))
    return table(("error", "meaning", "attributes of its own"), rows)


def codes(_: str) -> str:
    """Every failure code with its error."""
    rows = []
    for code in FailureCode:
        what, remedy = _WORDS[code]
        retryable = "yes" if code.retryable else "no"
        rows.append((f"`{code.value}`", f"`{_CLASSES[code].__name__}`", retryable, what, remedy))
    return table(("code", "error", "retryable", "what it says", "what to do"), rows)


# Names


def described_class(path: str) -> str:
    """A class: how it is made, what it takes, and its methods."""
    of = found(path)
    call = "" if issubclass(of, enum.Enum | Exception) else signature(of)
    parts = [f"### `{of.__name__}{call}`", prose(of.__doc__)]
    for name, member in vars(of).items():
        if name.startswith("_") or not getattr(unwrapped(member), "__doc__", None):
            continue
        if isinstance(member, property):
            parts.append(f"**`.{name}`**: {summary(member.fget)}")
        elif inspect.isfunction(unwrapped(member)):
            parts.append(f"#### `{name}{signature(unwrapped(member))}`\n\n{prose(member.__doc__)}")
    return "\n\n".join(part for part in parts if part)


def described_function(path: str) -> str:
    """A function."""
    of = found(path)
    return f"### `{of.__name__}{signature(of)}`\n\n{prose(of.__doc__)}"


def found(path: str) -> Any:
    """What a dotted path leads to."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def unwrapped(member: Any) -> Any:
    """The function behind a class method or a static method."""
    return getattr(member, "__func__", member)


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


# Docstrings


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


# The command line


def command_help(command: str) -> str:
    """What ``--help`` of a command says, as a block that is also run with its page."""
    words = [*command.split(), "--help"]
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "100", "NO_COLOR": "1"}
    process = subprocess.run(
        [sys.executable, "-m", *words], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    lines = [line.rstrip() for line in process.stdout.strip("\n").splitlines()]
    return "```console\n$ " + " ".join(words) + "\n" + "\n".join(lines) + "\n```"


if __name__ == "__main__":
    main()
