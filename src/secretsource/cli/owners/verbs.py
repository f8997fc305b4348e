"""The commands of ``secretsource owners``: each opens a store, does one thing, and shows the owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys, open_lasting_keys, operator
from secretsource.cli.keys._arguments.options import (
    DEFAULT_STORE,
    Credits,
    MoreCredits,
    Once,
    Reason,
    Revision,
    Store,
    json_object,
)
from secretsource.cli.keys.credits import added, credits_document, credits_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing import LimitState, OwnerFields, OwnerRecord

__all__ = ["add_credits", "delete", "list_owners", "put", "resume", "show", "sign_out", "suspend"]

OwnerId = Annotated[str, typer.Argument(metavar="OWNER", help="The owner of the keys: a name or a number.")]
Limit = Annotated[str | None, typer.Option("--rate-limit", metavar="RULES", help="Such as 100/minute; '' for none.")]
Quota = Annotated[str | None, typer.Option("--quota", metavar="RULES", help="Such as 10000/month; '' for none.")]

COLUMNS = ("owner", "name", "plan", "status", "limits")


def put(
    context: typer.Context,
    owner: OwnerId,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="The name that people use.")] = None,
    plan: Annotated[str | None, typer.Option("--plan", metavar="PLAN", help="Its plan; '' for none.")] = None,
    rate_limit: Limit = None,
    quota: Quota = None,
    revision: Revision = None,
    credits: Credits = None,
    clear_credits: Annotated[bool, typer.Option("--no-credits", help="Bound its keys by no credits.")] = False,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="JSON", help="A JSON object, in place of the one before.")
    ] = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Register an owner, or change what you give of it.

    Omitted fields stay as they are. All keys of the owner share its limits and those of its plan.
    """
    given = {"name": name, "plan": plan, "rate_limit": rate_limit, "quota": quota}
    # the names are those of the fields
    fields: OwnerFields = {what: value or None for what, value in given.items() if value is not None}  # type: ignore[assignment]
    if credits is not None or clear_credits:
        fields["credits"] = None if clear_credits else credits
    if metadata is not None:
        fields["metadata"] = json_object(metadata)
    with open_lasting_keys(context, store, peppered=False) as keys:
        _show(keys.owners.put(owner, revision=revision, **fields, **operator()), as_json)


def add_credits(
    context: typer.Context,
    owner: OwnerId,
    credits: MoreCredits,
    reason: Reason = None,
    once: Once = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Add credits to those of an owner, which all its keys share."""
    with open_keys(context, store, peppered=False) as keys:
        changed = added(keys.owners, owner, credits, reason, once)
        _show(changed, as_json, keys.owners.remaining(owner))


def list_owners(
    context: typer.Context,
    plan: Annotated[str | None, typer.Option("--plan", metavar="PLAN", help="Only owners on this plan.")] = None,
    after: Annotated[str | None, typer.Option("--after", metavar="OWNER", help="Go on behind this owner.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many owners, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the registered owners, in the order of their names."""
    from secretsource.issuing.documents import owner_record_document

    with open_keys(context, store, peppered=False) as keys:
        found = keys.owners.list(plan=plan, after=after, limit=limit)
    if as_json:
        write_json([owner_record_document(owner) for owner in found])
        return
    show_table(COLUMNS, map(_row, found), unbroken=COLUMNS[:1])
    if len(found) == limit:
        say("more", f"go on with  --after {found[-1].id!r}")


def show(context: typer.Context, owner: OwnerId, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show what is registered of an owner, and what is left of its credits."""
    with open_keys(context, store, peppered=False) as keys:
        _show(keys.owners.get(owner), as_json, keys.owners.remaining(owner))


def suspend(
    context: typer.Context, owner: OwnerId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Refuse all keys of an owner until you resume it."""
    with open_keys(context, store, peppered=False) as keys:
        _show(keys.owners.suspend(owner, reason=reason, **operator()), as_json)


def resume(
    context: typer.Context, owner: OwnerId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Accept the keys of a suspended owner again."""
    with open_keys(context, store, peppered=False) as keys:
        _show(keys.owners.resume(owner, reason=reason, **operator()), as_json)


def sign_out(
    context: typer.Context, owner: OwnerId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """End every session of a customer on the pages of the service, and every portal link that was not used yet.

    Its keys stay as they are. Do it when a person leaves the customer, or a device of one is lost.
    """
    from secretsource.issuing import owner_id
    from secretsource.issuing.documents import signed_out_document
    from secretsource.server.open_paths.links import WAYS_IN

    with open_keys(context, store, peppered=False) as keys:
        ended = keys.owners.sign_out(owner, WAYS_IN, reason=reason, **operator())
        document = signed_out_document(owner_id(owner), ended)
    if as_json:
        write_json(document)
    else:
        show_table(("field", "value"), [(name, str(value)) for name, value in document.items()])


def delete(
    context: typer.Context, owner: OwnerId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Forget what is registered of an owner; its keys stay."""
    with open_keys(context, store, peppered=False) as keys:
        _show(keys.owners.delete(owner, reason=reason, **operator()), as_json)
    if not as_json:
        say("note", f"owner {owner!r} is no longer registered; its keys stay")


def _show(owner: OwnerRecord, as_json: bool, states: Sequence[LimitState] = ()) -> None:
    from secretsource.issuing.documents import owner_record_document

    document = owner_record_document(owner)
    if as_json:
        write_json({**document, "limits": credits_document(states)} if states else document)
        return
    document["metadata"] = json.dumps(document["metadata"]) if document["metadata"] else ""
    lines = [(name.replace("_", " "), str(value)) for name, value in document.items() if value not in (None, "")]
    show_table(("field", "value"), [*lines, *credits_lines(states)])


def _row(owner: OwnerRecord) -> tuple[str, ...]:
    credits = None if owner.credits is None else f"{owner.credits} credits"
    limits = ", ".join(rules for rules in (owner.rate_limit, owner.quota, credits) if rules)
    return owner.id, owner.name, owner.plan or "", owner.status.value, limits
