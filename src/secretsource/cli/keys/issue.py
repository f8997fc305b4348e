"""``secretsource keys issue``: a new key, and its record in the store."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._options import Json
from secretsource.cli._output import warn
from secretsource.cli.keys._handover import Handover, Out
from secretsource.cli.keys._opening import open_lasting_keys, operator
from secretsource.cli.keys._options import DEFAULT_STORE, Store, duration, instant

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["issue"]


def issue(
    context: typer.Context,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Whose key it is.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="What it may do; may be given again.")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")] = "",
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix", metavar="P", help="Your own, such as acme; scanners know sk_live_ as another vendor's."
        ),
    ] = "sk",
    environment: Annotated[
        str, typer.Option("--environment", metavar="E", help="Such as live or test; test needs no pepper.")
    ] = "live",
    expires_in: Annotated[
        timedelta | None, typer.Option("--expires-in", metavar="90d", parser=duration, help="How long it lives.")
    ] = None,
    expires_at: Annotated[
        datetime | None, typer.Option("--expires-at", metavar="TIME", parser=instant, help="When it ends, instead.")
    ] = None,
    not_before: Annotated[
        datetime | None, typer.Option("--not-before", metavar="TIME", parser=instant, help="When it becomes good.")
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option("--rate-limit", metavar="RULES", help="Such as '100/minute, 10/second burst 20'.")
    ] = None,
    quota: Annotated[str | None, typer.Option("--quota", metavar="RULES", help="Such as '10000/month'.")] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="CIDR", help="Where it may be used from; may be given again."),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="JSON", help="A small JSON object of your own.")
    ] = None,
    out: Out = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Make a key, store its record, and show the key once.

    Only a hash of the key is stored, made with the pepper from the secret SECRETSOURCE_PEPPER. Without a terminal,
    give --out FILE.
    """
    document = _metadata(metadata)
    with Handover(out) as handover, open_lasting_keys(context, store) as keys:
        issued = keys.issue(
            **operator(),
            owner=owner,
            scopes=scope or (),
            name=name,
            prefix=prefix,
            environment=environment,
            expires_in=expires_in,
            expires_at=expires_at,
            not_before=not_before,
            rate_limit=rate_limit,
            quota=quota,
            networks=network or (),
            metadata=document,
        )
        handover.take(issued.plaintext)
    handover.show(issued.record, as_json=as_json)
    if issued.record.environment == "test" and issued.record.pepper_version == _unpeppered():
        warn("there is no pepper, so whoever reads the store can test guesses: set SECRETSOURCE_PEPPER")


def _metadata(text: str | None) -> Mapping[str, Any]:
    try:
        document = {} if text is None else json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    raise typer.BadParameter('--metadata is a JSON object, such as  \'{"plan": "pro"}\'')


def _unpeppered() -> str:
    from secretsource.issuing import PepperSet

    return PepperSet().newest.version
