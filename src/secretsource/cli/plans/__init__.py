"""``secretsource plans``: named sets of rules for owners."""

from __future__ import annotations

from typing import ClassVar

import typer

from secretsource.cli._arguments.verbs import Verb, VerbGroup
from secretsource.cli._terminal.output import write_line

__all__ = ["plans"]

_HOME = "secretsource.cli.plans.verbs"


class PlanCommands(VerbGroup):
    """The commands of this group."""

    table: ClassVar = {
        "put": Verb(f"{_HOME}:put", "Make a plan, or change what you give of it."),
        "list": Verb(f"{_HOME}:list_plans", "Show the plans, in the order of their names."),
        "show": Verb(f"{_HOME}:show", "Show the rules of a plan."),
        "delete": Verb(f"{_HOME}:delete", "Delete a plan that no owner is on."),
    }


plans = typer.Typer(
    name="plans", cls=PlanCommands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@plans.callback(invoke_without_command=True)
def choose(context: typer.Context) -> None:
    """Make plans: limits and bounds that all keys of an owner share."""
    if context.invoked_subcommand is None:
        write_line(context.get_help())
