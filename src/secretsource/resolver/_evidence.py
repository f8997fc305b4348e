"""Evidence for a provider when nothing is configured: a variable, or a folder. No metadata service is probed."""

# ruff: noqa: PTH112 - pathlib is not on the import path of a first look-up
from __future__ import annotations

import os

from secretsource._ground.namedtuple import NamedTuple

__all__ = ["EVIDENCE", "Evidence"]


class Evidence(NamedTuple):
    """Evidence for a provider, of which one piece is enough to join the chain.

    Attributes:
        variables: Environment variables.
        ending: The end of a variable's name behind the name of a secret; such a variable speaks for that secret alone.
        folder: A folder that exists.
    """

    variables: tuple[str, ...]
    ending: str | None = None
    folder: str | None = None

    def lacking(self, secret: str | None = None) -> str | None:
        """Return why the provider is left out, for one secret or for all; None where something speaks for it."""
        if any(os.environ.get(variable) for variable in self.variables):
            return None
        if self.ending and _is_set(self.ending, secret):
            return None
        if self.folder and os.path.isdir(self.folder):
            return None
        variables = [*self.variables, *([f"{secret or 'NAME'}{self.ending}"] if self.ending else [])]
        reason = f"none of {', '.join(variables)} is set" if len(variables) > 1 else f"{variables[0]} is not set"
        return f"{reason}, and there is no folder {self.folder}" if self.folder else reason


def _is_set(ending: str, secret: str | None) -> bool:
    """Return whether there is a variable with this ending, for one secret or for any."""
    if secret is not None and secret.isascii():  # what is not cannot always be asked for
        return bool(os.environ.get(secret + ending))
    names = (name for name in os.environ if os.environ.get(name))
    return any(name.endswith(ending) if secret is None else name == secret + ending for name in names)


EVIDENCE: dict[str, Evidence] = {
    "file": Evidence(("CREDENTIALS_DIRECTORY",), ending="_FILE", folder="/run/secrets"),
    "aws": Evidence(("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")),
    "vault": Evidence(("VAULT_ADDR",)),
    "gcp": Evidence(("GOOGLE_CLOUD_PROJECT",)),
    "azure": Evidence(("AZURE_KEY_VAULT_URL",)),
}
"""In the order in which they are asked, after the environment and ``.env``."""
