"""Get many secrets at once, for a command that needs all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource import Resolver, Secret

__all__ = ["all_of"]


def all_of(resolver: Resolver, names: Mapping[str, bool]) -> dict[str, Secret]:
    """Return every secret that is there; one error names all required secrets that are missing.

    Args:
        resolver: The resolver to ask.
        names: The names, and whether each is required.

    Raises:
        SecretNotFound: Required secrets are missing.
        ProviderError: A provider could not be asked, or refused, for one of them.
    """
    asked = resolver.get_many(names, default=None)
    found = {name: secret for name, secret in asked.items() if secret is not None}
    missing = [name for name, required in names.items() if required and name not in found]
    return found | resolver.get_many(missing)
