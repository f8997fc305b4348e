"""``secretsource list``: the secrets that an application needs, and where each may be; no provider is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from secretsource.cli._arguments.choice import Choice, declared_secrets
from secretsource.cli._arguments.options import Json
from secretsource.cli._in_force import InForce
from secretsource.cli._terminal.output import show_table, write_json
from secretsource.providers.base import NotFound
from secretsource.resolver import format_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource import ProviderHandle
    from secretsource.config import SecretConfig
    from secretsource.providers.base import SecretRef

__all__ = ["list_secrets"]

COLUMNS = ("name", "required", "description", "where")


def list_secrets(context: typer.Context, as_json: Json = False) -> None:
    """Show which secrets are declared, and where each may be.

    The places are those of the chosen environment, in the order in which they are asked; the first one that has the
    secret gives the value. No place is asked, so the command needs no credentials: check shows which secrets are there.
    """
    choice = Choice.of(context)
    in_force = InForce.of(choice)
    secrets = declared_secrets(choice, in_force.config, purpose="to list")
    with choice.resolver() as resolver:
        providers = resolver.providers()
        needs = [Need.of(secret, providers) for secret in secrets.values()]
    if as_json:
        write_json({"configuration": in_force.described(), "secrets": [need.described() for need in needs]})
        return
    in_force.tell()
    show_table(COLUMNS, [need.row() for need in needs])


class Need(NamedTuple):
    """A declared secret, and where each provider of the chain would have it.

    Attributes:
        secret: The declaration.
        places: Each provider with the place, or with the reason why it cannot have such a name.
    """

    secret: SecretConfig
    places: Sequence[tuple[ProviderHandle, SecretRef | NotFound]]

    @classmethod
    def of(cls, secret: SecretConfig, providers: Sequence[ProviderHandle]) -> Need:
        """Locate a secret at each provider; no provider is asked."""
        return cls(secret, [(provider, provider.locate(secret.name)) for provider in providers])

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        where = ", ".join(format_reference(place) for _, place in self.places if not isinstance(place, NotFound))
        return self.secret.name, "yes" if self.secret.required else "no", self.secret.description, where

    def described(self) -> dict[str, Any]:
        """Write the same as a JSON document."""
        return {
            "name": self.secret.name,
            "required": self.secret.required,
            "description": self.secret.description,
            "places": [_described(provider, place) for provider, place in self.places],
        }


def _described(provider: ProviderHandle, place: SecretRef | NotFound) -> dict[str, Any]:
    return {
        "provider": provider.name,
        "where": None if isinstance(place, NotFound) else format_reference(place),
        "site": provider.site or None,
        "reason": place.reason if isinstance(place, NotFound) else None,
    }
