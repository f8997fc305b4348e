"""Secrets in the configuration of Flask, read anew at each use.

    class Shop(Flask):
        config_class = SecretConfig

    app = Shop("shop")
    app.config.from_secrets(["SECRET_KEY", "STRIPE_KEY"])
    stripe.api_key = app.config["STRIPE_KEY"]

The configuration has a `LiveSecret` for each, and ``config["STRIPE_KEY"]`` is its value of now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secretsource import LiveSecret, Resolver, get_secrets
from secretsource.integrations._shared.framework import framework

with framework("flask"):
    from flask import Config

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SecretConfig"]


class SecretConfig(Config):
    """A configuration that follows the rotation of its secrets; set it as ``config_class`` of your `Flask`.

    ``config[key]`` and ``config.get(key)`` return a `Secret`. Other methods return the handles,
    which are masked.
    """

    def from_secrets(self, names: Mapping[str, str] | Iterable[str], *, resolver: Resolver | None = None) -> None:
        """Put secrets into the configuration, after a look whether all are there.

        Args:
            names: The name or reference of the secret for each key; a list for keys that are called as their secrets.
            resolver: The resolver to ask; None asks that of `get_secret`.

        Raises:
            SecretNotFound: Some are not there; names all of them.
            ProviderError: A provider could not be asked, or refused.
        """
        get_many = get_secrets if resolver is None else resolver.get_many
        found = get_many(names.values() if isinstance(names, Mapping) else names)
        wanted = names if isinstance(names, Mapping) else {name: name for name in found}
        self.update({key: LiveSecret(name, resolver=resolver) for key, name in wanted.items()})

    def __getitem__(self, key: str) -> Any:
        return _read(super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default; raises as `Resolver.get` for a secret.

        Args:
            key: The key.
            default: The value of a key that is not there.
        """
        return _read(super().get(key, default))


def _read(value: Any) -> Any:
    return value.get() if isinstance(value, LiveSecret) else value
