"""``secretsource keys outbox``: the messages that have not arrived, such as webhooks, and sending them again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store
from secretsource.cli.keys._terminal.records import shown_instant
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys
    from secretsource.stores.base import Message, Outbox

__all__ = ["outbox"]


def outbox(
    context: typer.Context,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="QUEUE", help="Only this queue, such as webhook:shop.")
    ] = None,
    given_up: Annotated[bool, typer.Option("--given-up", help="Only messages that were given up.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send what was given up of this queue again, and exit.")
    ] = False,
    only: Annotated[str | None, typer.Option("--id", metavar="ID", help="With --resend: only this message.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many messages, 1 to 1000.")
    ] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the messages that have not arrived, the oldest first; or send again what was given up.

    The service sends webhooks and acts on reports of leaks from queues. It tries each message for about a day.
    """
    from secretsource.issuing.documents import message_document

    if resend and queue is None:
        raise typer.BadParameter("--resend needs --queue: name the queue, such as  --queue webhook:shop")
    if only is not None and not resend:
        raise typer.BadParameter("--id belongs to --resend")
    with open_keys(context, store, peppered=False) as keys:
        waiting = _outbox(keys)
        if resend and queue is not None:
            number = waiting.resend(queue, time.time(), only)
            say("due", f"{number} {'message' if number == 1 else 'messages'} of the queue {queue}")
            return
        found = waiting.list(queue, given_up=True if given_up else None, limit=limit)
    if as_json:
        write_json({"messages": [message_document(one) for one in found]})
        return
    show_table(("queue", "id", "kind", "made", "due", "attempts", "trouble"), [_row(one) for one in found])


def _row(one: Message) -> tuple[str, ...]:
    due = "given up" if one.due_at is None else shown_instant(one.due_at)
    return (one.queue, one.id, one.kind, shown_instant(one.made_at), due, str(one.attempts), one.trouble)


def _outbox(keys: ApiKeys) -> Outbox:
    if keys.outbox is None:
        raise ConfigurationError("this store keeps no outbox: use a store in SQLite or PostgreSQL")
    return keys.outbox
