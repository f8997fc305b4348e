"""``secretsource keys``: issue API keys, check them, and look after them; one file for each verb."""

from __future__ import annotations

import typer

from secretsource.cli._output import write_line
from secretsource.cli.keys.events import events
from secretsource.cli.keys.exporting import export_keys
from secretsource.cli.keys.importing import import_keys
from secretsource.cli.keys.issue import issue
from secretsource.cli.keys.list import list_keys
from secretsource.cli.keys.migrate import migrate
from secretsource.cli.keys.revoke import disable, enable, revoke
from secretsource.cli.keys.rotate import finish, rotate
from secretsource.cli.keys.rules import rules
from secretsource.cli.keys.show import show
from secretsource.cli.keys.stats import stats
from secretsource.cli.keys.verify import verify
from secretsource.cli.keys.whose import whose

__all__ = ["keys"]

keys = typer.Typer(name="keys", rich_markup_mode=None, pretty_exceptions_enable=False)


@keys.callback(invoke_without_command=True)
def choose(context: typer.Context) -> None:
    """Issue API keys, check them, and look after them.

    A key is read from standard input or at a prompt, never from an argument. A new one is shown once, on a terminal,
    or written to a new file that only you may read.
    """
    if context.invoked_subcommand is None:
        write_line(context.get_help())


keys.command()(issue)
keys.command("list")(list_keys)
keys.command()(show)
keys.command()(verify)
keys.command()(whose)
keys.command()(rotate)
keys.command()(finish)
keys.command()(revoke)
keys.command()(disable)
keys.command()(enable)
keys.command("import")(import_keys)
keys.command("export")(export_keys)
keys.command()(events)
keys.command()(stats)
keys.command()(rules)
keys.command()(migrate)
