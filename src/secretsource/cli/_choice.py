"""What ``--config`` and ``--env`` choose: the configuration, the secrets it declares, and the resolver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import typer

    from secretsource import Resolver
    from secretsource.config import Config, SecretConfig

__all__ = ["Choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What every command works with.

    Attributes:
        path: The configuration file; None looks for one as the library does.
        environment: Its environment; None for ``SECRETSOURCE_ENV``, then the file's own choice.
    """

    path: Path | None = None
    environment: str | None = None

    @classmethod
    def of(cls, context: typer.Context) -> Choice:
        """The choice that was chosen before the command."""
        return context.find_object(cls) or cls()

    def config(self) -> Config | None:
        """The configuration, or None where there is none.

        Raises:
            ConfigurationError: Something in it is wrong, or an environment was named and there is no file to have it.
        """
        from secretsource.config import load_config

        return load_config(self.path, environment=self.environment)

    def resolver(self) -> Resolver:
        """A resolver as the configuration describes it, or as `get_secret` has it without one."""
        from secretsource import Resolver, configure
        from secretsource.resolver import default_resolver

        if self.config() is not None:
            resolver = Resolver.from_config(self.path, environment=self.environment)
        else:
            configure()  # whatever this process has found before, what holds here is found anew
            resolver = default_resolver
        resolver._engine.notices.quiet = True  # the command says it, with the name
        return resolver


def sites(resolver: Resolver) -> Mapping[str, str]:
    """Where each provider asks that the resolver has opened, by its name."""
    return {name: route.provider.site for name, route in resolver._engine.chain.opened.items()}


def declared_secrets(config: Config | None, *, purpose: str) -> Mapping[str, SecretConfig]:
    """The secrets that a configuration declares.

    Args:
        config: The configuration, if there is one.
        purpose: What they are for, as in ``to check``.

    Raises:
        ConfigurationError: There are none.
    """
    if config is None:
        from secretsource.config import find_config, nowhere

        raise ConfigurationError(
            f"there is nothing {purpose}: {nowhere(find_config())}; run  secretsource init  and declare your secrets"
        )
    if not config.secrets:
        raise ConfigurationError(f"there is nothing {purpose}: declare your secrets as [secrets.NAME] in {config.file}")
    return config.secrets
