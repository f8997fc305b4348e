"""The sign-in at the provider of the settings, made once for each process and each version of the settings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from secretsource.server.oidc.settings import OidcSettings
    from secretsource.server.oidc.sign_in import OidcSignIn

__all__ = ["sign_in_at"]


@lru_cache(maxsize=4)
def sign_in_at(settings: OidcSettings) -> OidcSignIn:
    """Return the sign-in at a provider.

    Args:
        settings: The settings of the provider.

    Raises:
        ConfigurationError: Authlib is not installed.
    """
    try:
        from secretsource.server.oidc.sign_in import OidcSignIn
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return OidcSignIn(settings)
    raise ConfigurationError(f"the sign-in at a provider needs {missing}: pip install 'secretsource[oidc]'")
