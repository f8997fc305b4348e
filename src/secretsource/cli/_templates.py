"""The texts of the files that ``secretsource init`` writes (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.config import SecretConfig

__all__ = ["IGNORE_LINES", "configuration_text", "example_text", "ignores_dotenv"]

IGNORE_LINES = "\n# secrets never enter the repository\n.env\n"

_CONFIGURATION = """\
# Where this application's secrets are. Values do not belong here: this file is part of the repository.
# SECRETSOURCE_ENV chooses another environment than this one.
environment = "development"

[environments.development]
providers = ["env", "dotenv"]

[environments.production]
providers = ["env", "aws"]      # asked in this order; pip install 'secretsource[aws]'
ttl = 300                       # seconds for which a value is fresh
max_stale = 3600                # the greatest age, in seconds, at which it is served while AWS is down

[providers.aws]
{aws}

# Declare each secret, so that `secretsource check` checks it and `secretsource run` passes it on.
#
# [secrets.STRIPE_SECRET_KEY]
# required = true
# description = "Charges cards"
# aws = "payments/stripe#secret_key"    # where AWS keeps it, if not under its name
"""

_EXAMPLE = """\
# The secrets of this application, without their values. Copy this file to .env, which git ignores, and fill it in.
# The lines stay commented out until then, because an empty value is a value.
"""


def configuration_text(app: str | None) -> str:
    """Write a ``secretsource.toml`` to start from.

    Args:
        app: The name of the application, which begins the names of its secrets at AWS.
    """
    region = '# region = "eu-west-1"         # if no variable of the environment has it'
    prefix = f'prefix = "{app}/"' if app else '# prefix = "my-app/"            # the beginning of the names at AWS'
    return _CONFIGURATION.format(aws=f"{region}\n{prefix}")


def example_text(secrets: Iterable[SecretConfig]) -> str:
    """Write a ``.env.example`` with a line for each declared secret, or with one example."""
    lines = [f"\n# {' '.join(secret.description.split()) or 'No description'}\n#{secret.name}=\n" for secret in secrets]
    return _EXAMPLE + ("".join(lines) or "\n# Charges cards\n#STRIPE_SECRET_KEY=\n")


def ignores_dotenv(rules: bytes) -> bool:
    """Return whether the last rule about ``.env`` in a ``.gitignore`` ignores it."""
    ignored = False
    for line in rules.splitlines():
        rule = line.strip()
        if rule.lstrip(b"!") in {b".env", b"/.env", b"**/.env", b".env*", b"*.env"}:
            ignored = not rule.startswith(b"!")
    return ignored
