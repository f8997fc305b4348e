"""``secretsource owners``: register the customers whose keys they are, put them on plans, and suspend them."""

from __future__ import annotations

from typing import ClassVar

import typer

from secretsource.cli._arguments.verbs import Verb, VerbGroup
from secretsource.cli._terminal.output import write_line

__all__ = ["owners"]

_HOME = "secretsource.cli.owners.verbs"


class OwnerCommands(VerbGroup):
    """The commands of this group."""

    table: ClassVar = {
        "put": Verb(f"{_HOME}:put", "Register an owner, or change what you give of it."),
        "add-credits": Verb(f"{_HOME}:add_credits", "Add credits to those of an owner."),
        "list": Verb(f"{_HOME}:list_owners", "Show the registered owners, in the order of their names."),
        "show": Verb(f"{_HOME}:show", "Show what is registered of an owner."),
        "suspend": Verb(f"{_HOME}:suspend", "Refuse all keys of an owner until you resume it."),
        "resume": Verb(f"{_HOME}:resume", "Accept the keys of a suspended owner again."),
        "sign-out": Verb(f"{_HOME}:sign_out", "End the sessions of a customer on the pages."),
        "delete": Verb(f"{_HOME}:delete", "Forget what is registered of an owner; its keys stay."),
    }


owners = typer.Typer(
    name="owners", cls=OwnerCommands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@owners.callback(invoke_without_command=True)
def choose(context: typer.Context) -> None:
    """Register owners, put them on plans, and suspend them."""
    if context.invoked_subcommand is None:
        write_line(context.get_help())
