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
from typing import TYPE_CHECKING, Any

from benchmarks.django_settings import configure
from tests.docs.generated_life import moves, reasons
from tests.docs.markdown import plain, prose, sections, shown, signature, summary, table
from tests.docs.pages import ROOT, all_pages

from secretsource import exceptions
from secretsource._tuning import NUMBERS
from secretsource.config import SecretConfig, driver_settings
from secretsource.providers._registry import DRIVERS, driver_class
from secretsource.providers.base import FailureCode
from secretsource.resolver._walk.failure import _CLASSES, _WORDS
from secretsource.server.api.document import management
from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.oidc.settings import OidcSettings
from secretsource.server.settings import LeakSettings, PagesSettings, ServerSettings
from secretsource.server.webhooks.settings import WebhookSettings
from secretsource.testing.servers import SecretServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PART = re.compile(r"<!-- generated: (?P<what>[\w. -]+) -->\n(?P<text>.*?)<!-- end -->", re.DOTALL)


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
        "numbers": numbers,
        "operations": operations,
        "variables": variables,
        "errors": errors,
        "codes": codes,
        "tree": tree,
        "class": described_class,
        "value": lambda path: described_class(path, called=False),
        "twin": described_twin,
        "moves": lambda _: moves(),
        "reasons": lambda _: reasons(),
        "server": described_server,
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


_TABLES: tuple[type[Any], ...] = (
    SecretConfig,
    ServerSettings,
    LeakSettings,
    PagesSettings,
    OidcSettings,
    WebhookSettings,
    ChoreSettings,
)
"""The classes whose fields are the keys of a table in the file."""


def fields(name: str) -> str:
    """The fields of a configuration class that a file sets, with their defaults."""
    of = {each.__name__: each for each in _TABLES}[name]
    meanings = sections(of.__doc__ or "")["Attributes"]
    return table(
        ("key", "default", "meaning"),
        [
            (f"`{field.name}`", _default(field), meanings[field.name])
            for field in dataclasses.fields(of)
            if of is not SecretConfig or field.name in ("required", "description")
        ],
    )


def _default(field: dataclasses.Field[Any]) -> str:
    """The default of a field; a table that is made of defaults has its own list."""
    if field.default_factory is not dataclasses.MISSING:
        return "below"
    return "needed" if field.default is dataclasses.MISSING else shown(field.default)


def operations(_: str) -> str:
    """The operations of the management API, under their headings, each with its scope."""
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for path, item in management(None).openapi()["paths"].items():  # type: ignore[arg-type]
        for method, operation in item.items():
            scopes = ", ".join(f"`{scope}`" for each in operation["security"] for scope in next(iter(each.values())))
            sentence = operation["description"].partition("\n\n")[0].replace("\n", " ")
            parts.setdefault(operation["tags"][0], []).append((f"`{method.upper()} {path}`", scopes, sentence))
    columns = ("request", "scope", "what it does")
    return "\n\n".join(f"### {tag[0].upper()}{tag[1:]}\n\n{table(columns, rows)}" for tag, rows in parts.items())


def numbers(_: str) -> str:
    """The numbers of a resolver."""
    return table(
        ("key", "must be", "default", "meaning"),
        [
            (f"`{number.name}`", number.range.form, shown(number.default), plain(number.meaning))
            for number in NUMBERS.values()
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


def described_class(path: str, *, called: bool = True) -> str:
    """A class: how it is made (if it is for others to make), what it takes, and its methods."""
    of = found(path)
    call = signature(of) if called and not issubclass(of, enum.Enum | Exception) else ""
    parts = [f"### `{of.__name__}{call}`", prose(of.__doc__)]
    for name, member in members(of):
        if name.startswith("_") or not getattr(unwrapped(member), "__doc__", None):
            continue
        if isinstance(member, property):
            parts.append(f"**`.{name}`**: {summary(member.fget)}")
        elif inspect.isfunction(unwrapped(member)):
            parts.append(f"#### `{name}{signature(unwrapped(member))}`\n\n{prose(member.__doc__)}")
    return "\n\n".join(part for part in parts if part)


def members(of: type) -> Iterator[tuple[str, Any]]:
    """The members of a class, and those of its private bases, which have no page of their own."""
    for base in of.__mro__:
        if base is of or base.__module__.startswith(("secretsource.issuing._", "secretsource.resolver._retrying")):
            yield from vars(base).items()


def described_twin(path: str) -> str:
    """A class whose methods are those of another, word for word."""
    of = found(path)
    return f"### `{of.__name__}{signature(of)}`\n\n{prose(of.__doc__)}"


def described_server(scheme: str) -> str:
    """A server of the test kit: how it is started, what it has, and what it can be told beyond the others."""
    start = found(f"secretsource.testing.servers.{scheme}_server")
    of = found(f"secretsource.testing.servers.{scheme.title()}Server")
    own = [
        f"**`.{name}{signature(member) if inspect.isfunction(member) else ''}`**: {summary(member)}"
        for name, member in vars(of).items()
        if not name.startswith("_") and member.__doc__ and not hasattr(SecretServer, name)
        if isinstance(member, property) or inspect.isfunction(member)
    ]
    title = f"### `{start.__name__}{signature(start)}`"
    return "\n\n".join([title, prose(start.__doc__), f"`{of.__name__}`: {prose(of.__doc__)}", *own])


def described_function(path: str) -> str:
    """A function."""
    of = found(path)
    return f"### `{of.__name__}{signature(of)}`\n\n{prose(of.__doc__)}"


def found(path: str) -> Any:
    """What a dotted path leads to."""
    module, _, name = path.rpartition(".")
    if module.startswith("secretsource.integrations."):
        configure()
    return getattr(import_module(module), name)


def unwrapped(member: Any) -> Any:
    """The function behind a class method or a static method."""
    return getattr(member, "__func__", member)


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
