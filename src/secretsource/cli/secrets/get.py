"""``secretsource get NAME``: write one secret to standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.cli._arguments.options import Field, Json, Name
from secretsource.cli._terminal.output import write, write_json
from secretsource.cli._terminal.value import encoded
from secretsource.exceptions import ProviderResponseError, ResolveError, SecretNotFound
from secretsource.providers.base import FailureCode
from secretsource.resolver import format_reference, parse_reference

if TYPE_CHECKING:
    from secretsource import Resolver, Secret

__all__ = ["get"]


def get(
    context: typer.Context,
    name: Name,
    field: Field = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="A version, by the provider's identifier.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the provider, and use no remembered value.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Write the bytes as they are, without a line end.")] = False,
    as_json: Json = False,
) -> None:
    """Write the value of one secret to standard output.

    A line end follows a text, and a binary value is written as base64. With --raw, the bytes of both are written as
    they are.
    """
    if raw and as_json:
        raise typer.BadParameter("give --raw or --json, not both", ctx=context)
    with Choice.of(context).resolver() as resolver:
        secret = _found(resolver, name, field, version, fresh)
        text = encoded(secret)
        resolver.close(revoke=False)  # a leased secret must still work when its reader uses it
    if as_json:
        write_json(_described(secret))
    else:
        write(secret.as_bytes() if raw else text + b"\n")


def _found(resolver: Resolver, name: str, field: str | None, version: str | None, fresh: bool) -> Secret:
    """Get the secret; a document without the field is a mistake of the caller, and not a missing secret."""
    try:
        return resolver.get(name, field=field, version=version, fresh=fresh)
    except SecretNotFound as error:
        absence = error
    holder = _document(resolver, name, field, version)
    if holder is None:
        raise absence.with_traceback(None)
    raise ProviderResponseError(
        f"{absence} (the document itself is there)", name=name, provider=holder, code=FailureCode.MALFORMED
    )


def _document(resolver: Resolver, name: str, field: str | None, version: str | None) -> str | None:
    """Name the provider that has the document without the field; None where the document itself is missing."""
    ref = parse_reference(name)
    if field is None and ref.field is None:
        return None
    whole = name if field is not None else format_reference(ref.document)
    try:
        return resolver.get(whole, version=version).provider
    except ResolveError:
        return None


def _described(secret: Secret) -> dict[str, Any]:
    binary = secret.is_binary
    expires = secret.expires_at
    return {
        "name": secret.name,
        "value": secret.as_base64() if binary else str(secret),
        "encoding": "base64" if binary else "text",
        "provider": secret.provider,
        "version": secret.version,
        "served": secret.served,
        "fetched_at": secret.fetched_at.isoformat(timespec="seconds"),
        "expires_at": None if expires is None else expires.isoformat(timespec="seconds"),
    }
