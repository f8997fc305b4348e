"""``secretsource keys issue``: make a key, and store its record."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli.keys._arguments.opening import open_lasting_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Credits, Store, duration, instant, json_object
from secretsource.cli.keys._terminal.handover import Handover, Out

__all__ = ["issue"]


def issue(
    context: typer.Context,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="The customer that the key is for.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="A scope of the key; repeatable.")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="A name for people.")] = "",
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix", metavar="P", help="Your own, such as acme; scanners take sk_live_ for another vendor's key."
        ),
    ] = "sk",
    environment: Annotated[
        str, typer.Option("--environment", metavar="E", help="Such as live or test; a test key needs no pepper.")
    ] = "live",
    expires_in: Annotated[
        timedelta | None, typer.Option("--expires-in", metavar="90d", parser=duration, help="How long the key lives.")
    ] = None,
    expires_at: Annotated[
        datetime | None,
        typer.Option("--expires-at", metavar="TIME", parser=instant, help="When the key ends, instead."),
    ] = None,
    not_before: Annotated[
        datetime | None,
        typer.Option("--not-before", metavar="TIME", parser=instant, help="When the key becomes valid."),
    ] = None,
    rate_limit: Annotated[
        str | None, typer.Option("--rate-limit", metavar="RULES", help="Such as '100/minute, 10/second burst 20'.")
    ] = None,
    quota: Annotated[str | None, typer.Option("--quota", metavar="RULES", help="Such as '10000/month'.")] = None,
    credits: Credits = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="CIDR", help="Addresses that may use the key; repeatable."),
    ] = None,
    rotate_every: Annotated[
        timedelta | None,
        typer.Option("--rotate-every", metavar="90d", parser=duration, help="When the key is due for rotation."),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="JSON", help="A small JSON object of your own.")
    ] = None,
    out: Out = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Make a key, store its record, and show the key once.

    The store keeps only a hash of the key, made with the pepper from the secret SECRETSOURCE_PEPPER. Without a
    terminal, add --out FILE.
    """
    from secretsource.issuing.documents import issued_document

    document = {} if metadata is None else json_object(metadata)
    with Handover(out) as handover, open_lasting_keys(context, store, peppered=True) as keys:
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
            credits=credits,
            networks=network or (),
            metadata=document,
            rotate_every=rotate_every,
        )
        handover.take(issued.plaintext)
    handover.show(issued_document(issued, time.time()), issued.record, as_json=as_json)
