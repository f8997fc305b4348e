"""The commands of ``secretsource plans``: each opens a store, does one thing, and shows the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.durations import LENGTHS, shown_length
from secretsource.cli.keys._arguments.opening import open_keys, open_lasting_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Reason, Revision, Store, duration

if TYPE_CHECKING:
    from secretsource.issuing import PlanRecord

__all__ = ["delete", "list_plans", "put", "show"]

PlanId = Annotated[str, typer.Argument(metavar="PLAN", help="The name of the plan.")]

COLUMNS = ("plan", "limits", "keys", "scopes")


def put(
    context: typer.Context,
    plan: PlanId,
    rate_limit: Annotated[
        str | None, typer.Option("--rate-limit", metavar="RULES", help="Such as 1000/minute; '' for none.")
    ] = None,
    quota: Annotated[
        str | None, typer.Option("--quota", metavar="RULES", help="Such as 100000/month; '' for none.")
    ] = None,
    max_keys: Annotated[
        int | None, typer.Option("--max-keys", metavar="N", help="The most keys of an owner; 0 for any number.")
    ] = None,
    max_life: Annotated[
        Any,
        typer.Option("--max-life", metavar="TIME", parser=duration, help="The longest life of a new key; 0d for any."),
    ] = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="A scope that keys may have; repeat it; '' for any."),
    ] = None,
    environments: Annotated[
        list[str] | None,
        typer.Option("--environment", metavar="E", help="An environment of new keys; repeat it; '' for any."),
    ] = None,
    rotate_every: Annotated[
        Any,
        typer.Option(
            "--rotate-every", metavar="90d", parser=duration, help="When keys are due for rotation; 0d for never."
        ),
    ] = None,
    revision: Revision = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Make a plan, or change what you give of it.

    Omitted fields stay as they are. The change reaches every key of the plan's owners, and ends none.
    """
    given: dict[str, Any] = {
        "rate_limit": rate_limit, "quota": quota, "max_keys": max_keys, "max_life": max_life,
        "rotate_every": rotate_every, "scopes": _words(scopes), "environments": _words(environments),
    }  # fmt: skip
    fields: dict[str, Any] = {what: value or None for what, value in given.items() if value is not None}
    with open_lasting_keys(context, store, peppered=False) as keys:
        _show(keys.plans.put(plan, revision=revision, **fields, **operator()), as_json)


def list_plans(
    context: typer.Context,
    after: Annotated[str | None, typer.Option("--after", metavar="PLAN", help="Go on behind this plan.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many plans, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the plans, in the order of their names."""
    from secretsource.issuing.documents import plan_document

    with open_keys(context, store, peppered=False) as keys:
        found = keys.plans.list(after=after, limit=limit)
    if as_json:
        write_json([plan_document(plan) for plan in found])
        return
    show_table(COLUMNS, map(_row, found), unbroken=COLUMNS[:1])
    if len(found) == limit:
        say("more", f"go on with  --after {found[-1].id!r}")


def show(context: typer.Context, plan: PlanId, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show the rules of a plan."""
    with open_keys(context, store, peppered=False) as keys:
        _show(keys.plans.get(plan), as_json)


def delete(
    context: typer.Context, plan: PlanId, reason: Reason = None, store: Store = DEFAULT_STORE, as_json: Json = False
) -> None:
    """Delete a plan that no owner is on."""
    with open_keys(context, store, peppered=False) as keys:
        _show(keys.plans.delete(plan, reason=reason, **operator()), as_json)
    if not as_json:
        say("note", f"plan {plan!r} is deleted")


def _words(given: list[str] | None) -> list[str] | None:
    """Return the words of an option that may be repeated: none for one empty text, and None if it is left out."""
    return [] if given == [""] else given or None


def _show(plan: PlanRecord, as_json: bool) -> None:
    from secretsource.issuing.documents import plan_document

    document = plan_document(plan)
    if as_json:
        write_json(document)
        return
    rows = [(name.replace("_", " "), _cell(name, value)) for name, value in document.items() if value is not None]
    show_table(("field", "value"), rows)


def _row(plan: PlanRecord) -> tuple[str, ...]:
    limits = ", ".join(rules for rules in (plan.rate_limit, plan.quota) if rules)
    return plan.id, limits, str(plan.max_keys or ""), " ".join(sorted(plan.scopes or ()))


def _cell(name: str, value: Any) -> str:
    if name in LENGTHS:
        return shown_length(value)
    return " ".join(value) if isinstance(value, list) else str(value)
