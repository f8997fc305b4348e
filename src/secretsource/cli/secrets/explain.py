"""``secretsource explain NAME``: show which providers are asked, and why; never the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._arguments.choice import Choice, sites
from secretsource.cli._arguments.options import Field, Json, Name
from secretsource.cli._in_force import InForce
from secretsource.cli._terminal.output import is_terminal, say, show_table, write_json, write_line
from secretsource.cli._terminal.sentence import for_a_person, with_site

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretsource.resolver import Step, Trace

__all__ = ["explain"]

COLUMNS = ("provider", "outcome", "served", "ms", "version", "where", "reason")


def explain(context: typer.Context, name: Name, field: Field = None, as_json: Json = False) -> None:
    """Show which provider answers for a name, and why.

    The output names the configuration file in force, and those that are not read. Each provider that was asked or
    skipped has a line with its reason and its time; the value is never shown. The exit code is 0 also for a secret
    that is not available, because the command has explained it; get and check fail then.
    """
    choice = Choice.of(context)
    in_force = InForce.of(choice)
    with choice.resolver() as resolver:
        trace = resolver.explain(name, field=field)
        places = sites(resolver)
    if as_json:
        write_json({**described(trace, places), "configuration": in_force.described()})
        return
    in_force.tell()
    if is_terminal():
        write_line(f"{trace.name}: {trace.outcome}" + (f", served={trace.served}" if trace.served else ""))
    show_table(COLUMNS, _rows(trace, places))
    if trace.error is not None:
        say("get would fail", trace.error)


def described(trace: Trace, places: Mapping[str, str]) -> dict[str, Any]:
    """Write a trace as a JSON document, with the sites of the providers."""
    return {
        "name": trace.name,
        "outcome": trace.outcome,
        "served": trace.served,
        "error": None if trace.error is None else for_a_person(trace.error),
        "steps": [_step(step, places) for step in trace.steps],
        "not_asked": list(trace.unasked),
        "skipped": [{"provider": skipped.provider, "reason": skipped.reason} for skipped in trace.skipped],
    }


def _step(step: Step, places: Mapping[str, str]) -> dict[str, Any]:
    return {
        "provider": step.provider,
        "outcome": step.outcome,
        "served": step.served or None,
        "milliseconds": round(step.seconds * 1000, 1),
        "version": step.version,
        "where": step.reference,
        "site": places.get(step.provider) or None,
        "reason": step.reason,
    }


def _rows(trace: Trace, places: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for step in trace.steps:
        took = f"{step.seconds * 1000:.1f}" if step.served else ""
        where = with_site(step.reference, places.get(step.provider, ""))
        yield step.provider, step.outcome, step.served, took, step.version or "", where, step.reason or ""
    for provider in trace.unasked:
        yield provider, "not asked", "", "", "", "", "an earlier provider decided"
    for skipped in trace.skipped:
        yield skipped.provider, "skipped", "", "", "", "", skipped.reason
