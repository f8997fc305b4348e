"""The choice of ``--config`` and ``--env``: the configuration, its declared secrets, and the resolver."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import typer

    from secretsource import Resolver
    from secretsource.config import Config, SecretConfig

__all__ = ["Choice"]


class Choice(NamedTuple):
    """The configuration file and the environment that a person chose.

    Attributes:
        path: The configuration file; None to look for one as the library does.
        environment: The environment; None for ``SECRETSOURCE_ENV``, then for the choice in the file.
    """

    path: Path | None = None
    environment: str | None = None

    @classmethod
    def of(cls, context: typer.Context) -> Choice:
        """Return the choice that stands before the command."""
        return context.find_object(cls) or cls()

    def config(self) -> Config | None:
        """Load the configuration; None where there is no file.

        Raises:
            ConfigurationError: The configuration is wrong; or an environment was chosen, and there is no file.
        """
        from secretsource.config import load_config

        return load_config(self.path, environment=self.environment)

    def resolver(self) -> Resolver:
        """Make a resolver by the configuration; without one, use that of `get_secret`."""
        from secretsource import Resolver, configure
        from secretsource.resolver import default_resolver

        if self.config() is not None:
            resolver = Resolver.from_config(self.path, environment=self.environment)
        else:
            configure()  # forget what this process found before
            resolver = default_resolver
        resolver.silence()  # the command itself reports each fault
        return resolver


def sites(resolver: Resolver) -> Mapping[str, str]:
    """Return the site of each provider that the resolver has opened, by its name."""
    return {provider.name: provider.site for provider in resolver.providers()}


def declared_secrets(choice: Choice, config: Config | None, *, purpose: str) -> Mapping[str, SecretConfig]:
    """Return the secrets that a configuration declares.

    Args:
        choice: The choice of the configuration.
        config: The configuration, if there is one.
        purpose: The purpose of the secrets, such as ``to check``.

    Raises:
        ConfigurationError: It declares no secret.
    """
    if config is None:
        from secretsource.config import absence

        none = absence(choice.path)
        raise ConfigurationError(f"there is nothing {purpose}: {none.reason}; {none.remedy} and declare your secrets")
    if not config.secrets:
        raise ConfigurationError(f"there is nothing {purpose}: declare your secrets as [secrets.NAME] in {config.file}")
    return config.secrets
