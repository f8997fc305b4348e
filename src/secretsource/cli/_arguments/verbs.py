"""Groups of commands that are loaded when they are named: help and completion read a table instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from secretsource.cli._arguments.plain_values import take_plain_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Verb", "VerbGroup"]

_BOUNDS = re.compile(r"  \[\d+<=x<=\d+\]|; \d+<=x<=\d+(?=\])")
"""The bounds of a number as click writes them; the help says them in words."""


class Verb(NamedTuple):
    """One command, before it is loaded.

    Attributes:
        place: Its module and its function, or its `typer.Typer`, such as ``secretsource.cli.secrets.get:get``.
        summary: The first sentence of its docstring.
        settings: How typer is to read its arguments.
    """

    place: str
    summary: str
    settings: Mapping[str, Any] | None = None


class VerbGroup(TyperGroup):
    """A group whose commands are those of a table.

    Attributes:
        table: The commands by their names, in the order of the help.
    """

    table: ClassVar[Mapping[str, Verb]]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        loaded: Any = _Loaded(self.table)
        self.commands = loaded

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options of the group, which take plain values as they are."""
        return take_plain_values(super().get_params(ctx), self.callback)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of typer
        """Return the names of the commands, without loading one."""
        return list(self.table)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the same
        """Write the names of the commands and their summaries, without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self.table.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete the name of a command, without loading one, or an option of the group."""
        names = [_Completion(name, verb.summary) for name, verb in self.table.items() if name.startswith(incomplete)]
        return [*names, *super(TyperGroup, self).shell_complete(ctx, incomplete)]


class _PlainCommand(TyperCommand):
    """A command whose parameters take plain values as they are, and whose help has no types of Python."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters of the command."""
        return take_plain_values(super().get_params(ctx), self.callback)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; an error knows the command that it is of."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "ctx", ctx) is None:
                vars(error)["ctx"] = ctx
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage after the name of the command: ``[OPTIONS] NAME``."""
        return ["[OPTIONS]", *(_in_usage(argument) for argument in _of_kind("argument", self.get_params(ctx)))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments under their names in the usage, then the options."""
        parameters = self.get_params(ctx)
        arguments = [(each.metavar, _explained(each)) for each in _of_kind("argument", parameters)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        records = [each.get_help_record(ctx) for each in _of_kind("option", parameters)]
        options = [(names, _BOUNDS.sub("", text)) for names, text in filter(None, records)]
        with formatter.section("Options"):
            formatter.write_dl(options)


def _of_kind(kind: str, parameters: list[Any]) -> list[Any]:
    return [parameter for parameter in parameters if parameter.param_type_name == kind]


def _in_usage(argument: Any) -> str:
    """Write an argument as the usage has it: in brackets if it may be missing."""
    name = str(argument.metavar)
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _explained(argument: Any) -> str:
    return f"{argument.help}  [required]" if argument.required else str(argument.help)


class _Completion(NamedTuple):
    """One completion, as a shell shows it."""

    value: str
    help: str
    type: str = "plain"


class _Loaded(Mapping[str, Any]):
    """The commands of a table; each is loaded when it is asked for."""

    def __init__(self, table: Mapping[str, Verb]) -> None:
        self._table = table
        self._commands: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._commands:
            self._commands[name] = _load(name, self._table[name])
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def _load(name: str, verb: Verb) -> Any:
    """Import a command, and let typer read its signature."""
    module, _, attribute = verb.place.partition(":")
    found: typer.Typer | Callable[..., Any] = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=_PlainCommand, context_settings=dict(verb.settings or {}))(found)
    return typer.main.get_command(alone)
