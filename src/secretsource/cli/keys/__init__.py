"""``secretsource keys``: issue API keys, check them, and look after them; one file for each verb."""

from __future__ import annotations

from typing import ClassVar

import typer

from secretsource.cli._arguments.verbs import Verb, VerbGroup
from secretsource.cli._terminal.output import write_line

__all__ = ["keys"]


class KeyCommands(VerbGroup):
    """The commands of this group."""

    table: ClassVar = {
        "issue": Verb("secretsource.cli.keys.issue:issue", "Make a key, store its record, and show the key once."),
        "list": Verb(
            "secretsource.cli.keys.list:list_keys", "Show the records of keys, the oldest first; never a key itself."
        ),
        "show": Verb(
            "secretsource.cli.keys.show:show",
            "Show the record of a key, what is left of its credits, and the clients and requests of the last 24 hours.",
        ),
        "update": Verb("secretsource.cli.keys.update:update", "Change what a key that has not ended may do."),
        "add-credits": Verb(
            "secretsource.cli.keys.credits:add_credits",
            "Add credits to those of a key that has not ended, and of the keys that it rotates with.",
        ),
        "verify": Verb("secretsource.cli.keys.verify:verify", "Check a key as a service would."),
        "whose": Verb("secretsource.cli.keys.whose:whose", "Read the owner of a key from the key alone."),
        "rotate": Verb(
            "secretsource.cli.keys.rotate:rotate", "Give a key a successor with the same rights, and show it once."
        ),
        "extend": Verb(
            "secretsource.cli.keys.rotate:extend",
            "Let the old key of a rotation work for longer, up to its own end.",
        ),
        "finish": Verb(
            "secretsource.cli.keys.rotate:finish", "End the overlap of a rotated key early; its successor stays valid."
        ),
        "revoke": Verb("secretsource.cli.keys.revoke:revoke", "End a key, or all keys of an owner, for good."),
        "report-leak": Verb(
            "secretsource.cli.keys.report_leak:report_leak",
            "End a key that was found where it does not belong, and write the place into its history.",
        ),
        "disable": Verb("secretsource.cli.keys.revoke:disable", "Switch a key off until you enable it again."),
        "enable": Verb("secretsource.cli.keys.revoke:enable", "Switch a disabled key on again."),
        "import": Verb(
            "secretsource.cli.keys.transfer.importing:import_keys",
            "Store keys of another system by their hashes; each is rehashed at its first use.",
        ),
        "export": Verb(
            "secretsource.cli.keys.transfer.exporting:export_keys",
            "Write every record as a line of JSON for keys import, the oldest first.",
        ),
        "events": Verb("secretsource.cli.keys.events:events", "Show the history of a key, the oldest event first."),
        "usage": Verb("secretsource.cli.keys.usage:usage", "Count checks by outcome, key and time."),
        "expiring": Verb(
            "secretsource.cli.keys.expiring:expiring",
            "Show the keys that have not ended and will expire soon, the oldest first.",
        ),
        "unused": Verb(
            "secretsource.cli.keys.expiring:unused",
            "Show the keys that have not ended and were not used for a time, the oldest first.",
        ),
        "history": Verb(
            "secretsource.cli.keys.history:history", "Show what happened to all keys, owners and plans, in one feed."
        ),
        "chores": Verb(
            "secretsource.cli.keys.upkeep.chores:chores",
            "Look at all keys once: tell what is due, and end and delete as the options say.",
        ),
        "outbox": Verb(
            "secretsource.cli.keys.upkeep.outbox:outbox",
            "Show the messages that have not arrived, the oldest first; or send again what was given up.",
        ),
        "purge": Verb(
            "secretsource.cli.keys.upkeep.purge:purge",
            "Delete an owner, its keys, their history and its counted requests, for good.",
        ),
        "stats": Verb(
            "secretsource.cli.keys.stats:stats", "Count the living keys by the pepper that they are hashed with."
        ),
        "rules": Verb("secretsource.cli.keys.rules:rules", "Write the rule by which a scanner finds keys."),
        "migrate": Verb(
            "secretsource.cli.keys.upkeep.migrate:migrate",
            "Bring the tables of a store to the version that this package needs.",
        ),
    }


keys = typer.Typer(
    name="keys", cls=KeyCommands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@keys.callback(invoke_without_command=True)
def choose(context: typer.Context) -> None:
    """Issue API keys, check them, and look after them.

    Give a key on standard input or at a prompt, never as an argument. A new key is shown once on a terminal, or
    written to a new file that only you may read.
    """
    if context.invoked_subcommand is None:
        write_line(context.get_help())
