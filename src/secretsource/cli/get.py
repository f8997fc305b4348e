"""``secretsource get NAME``: one secret, on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._choice import Choice
from secretsource.cli._options import Field, Json, Name
from secretsource.cli._output import write, write_json
from secretsource.cli._value import encoded, is_binary
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
        str | None, typer.Option("--version", metavar="V", help="A version as the provider identifies it.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask the provider, whatever is remembered.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Write the very bytes, without a line end.")] = False,
    as_json: Json = False,
) -> None:
    """Write the value of one secret to standard output.

    Text is followed by one line end, and a binary value is written as base64. With --raw, the bytes of either are
    written as they are.
    """
    if raw and as_json:
        raise typer.BadParameter("--raw and --json exclude each other", ctx=context)
    with Choice.of(context).resolver() as resolver:
        secret = _found(resolver, name, field, version, fresh)
        text = encoded(secret)
        resolver.close(revoke=False)  # what is written here must be alive when somebody uses it
    if as_json:
        write_json(_described(secret))
    else:
        write(secret.as_bytes() if raw else text + b"\n")


def _found(resolver: Resolver, name: str, field: str | None, version: str | None, fresh: bool) -> Secret:
    """The secret; a document that lacks the field is a mistake of the caller's, unlike a secret that is not there."""
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
    """The provider that has the document of which a field was asked for; None when that was not what is missing."""
    ref = parse_reference(name)
    if field is None and ref.field is None:
        return None
    whole = name if field is not None else format_reference(ref.document)
    try:
        return resolver.get(whole, version=version).provider
    except ResolveError:
        return None


def _described(secret: Secret) -> dict[str, Any]:
    binary = is_binary(secret)
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
