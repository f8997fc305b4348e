"""``secretsource keys add-credits``: add credits to those of a key."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import write_json
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, MoreCredits, Reason, Store
from secretsource.cli.keys._terminal.records import show_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import LimitState

__all__ = ["add_credits", "credits_document", "credits_lines"]


def add_credits(
    context: typer.Context,
    key_id: KeyId,
    credits: MoreCredits,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Add credits to those of a key that has not ended, and of the keys that it rotates with."""
    from secretsource.issuing.documents import record_document

    with open_keys(context, store, peppered=False) as keys:
        record = keys.add_credits(key_id, credits, reason=reason, **operator())
        states = keys.remaining(key_id)
    if as_json:
        write_json({**record_document(record, time.time()), "limits": credits_document(states)})
    else:
        show_record(record, credits_lines(states))


def credits_document(states: Iterable[LimitState]) -> list[dict[str, Any]]:
    """Write the state of credits: a command sees those in the store, and no limits that a service counts."""
    from secretsource.issuing.documents import limit_document

    return [limit_document(state) for state in states if state.name.endswith("credits")]


def credits_lines(states: Iterable[LimitState]) -> list[tuple[str, str]]:
    """Return the lines that show how many credits are left."""
    return [(f"{state.name} left", str(state.remaining)) for state in states if state.name.endswith("credits")]
