"""What speaks for a provider when nothing is configured: a variable, or a folder. No metadata service is probed."""

# ruff: noqa: PTH112 - pathlib is not on the import path of a first look-up
from __future__ import annotations

import os

from secretsource._namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

__all__ = ["EVIDENCE", "Evidence"]


class Evidence(NamedTuple):
    """What must be there for a provider to join the chain unasked: one of these.

    Attributes:
        variables: Variables.
        ending: How the name of a variable ends.
        folder: A folder.
    """

    variables: tuple[str, ...]
    ending: str | None = None
    folder: str | None = None

    def lacking(self) -> str | None:
        """Why the provider is left out, or None where something speaks for it."""
        environ = os.environ
        if any(environ.get(variable) for variable in self.variables):
            return None
        if self.ending and any(name.endswith(self.ending) and value for name, value in environ.items()):
            return None
        if self.folder and os.path.isdir(self.folder):
            return None
        variables = [*self.variables, *([f"NAME{self.ending}"] if self.ending else [])]
        reason = f"none of {', '.join(variables)} is set" if len(variables) > 1 else f"{variables[0]} is not set"
        return f"{reason}, and there is no folder {self.folder}" if self.folder else reason


EVIDENCE: dict[str, Evidence] = {
    "file": Evidence(("CREDENTIALS_DIRECTORY",), ending="_FILE", folder="/run/secrets"),
    "aws": Evidence(("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")),
    "vault": Evidence(("VAULT_ADDR",)),
    "gcp": Evidence(("GOOGLE_CLOUD_PROJECT",)),
    "azure": Evidence(("AZURE_KEY_VAULT_URL",)),
}
"""In the order in which they are asked, after the environment and ``.env``."""
