"""``secretsource keys add-credits``: add credits to those of a key."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import write_json
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, MoreCredits, Once, Reason, Store
from secretsource.cli.keys._terminal.records import show_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import LimitState

__all__ = ["add_credits", "added", "credits_document", "credits_lines"]


CALLER = "cli"
"""The caller of every command: a token belongs to all who use the store by commands."""


def add_credits(
    context: typer.Context,
    key_id: KeyId,
    credits: MoreCredits,
    reason: Reason = None,
    once: Once = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Add credits to those of a key that has not ended, and of the keys that it rotates with."""
    from secretsource.issuing.documents import record_document

    with open_keys(context, store, peppered=False) as keys:
        record = added(keys, key_id, credits, reason, once)
        states = keys.remaining(key_id)
    if as_json:
        write_json({**record_document(record, time.time()), "limits": credits_document(states)})
    else:
        show_record(record, credits_lines(states))


def added(register: Any, id: str, credits: int, reason: str | None, once: str | None) -> Any:
    """Add credits to those of a key or of an owner, and return its record.

    Args:
        register: The keys or the owners.
        id: The key or the owner.
        credits: The credits to add.
        reason: The reason, for the event.
        once: The token of a command that may be repeated; None adds them anyway.
    """
    if once is None:
        return register.add_credits(id, credits, reason=reason, **operator())
    request = {"caller": CALLER, "fingerprint": str(credits)}
    return register.add_credits_once(once, id, credits, **request, reason=reason, **operator())


def credits_document(states: Iterable[LimitState]) -> list[dict[str, Any]]:
    """Write the state of credits: a command sees those in the store, and no limits that a service counts."""
    from secretsource.issuing.documents import limit_document

    return [limit_document(state) for state in states if state.name.endswith("credits")]


def credits_lines(states: Iterable[LimitState]) -> list[tuple[str, str]]:
    """Return the lines that show how many credits are left."""
    return [(f"{state.name} left", str(state.remaining)) for state in states if state.name.endswith("credits")]
