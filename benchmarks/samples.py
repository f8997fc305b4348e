"""The secret that every benchmark asks for: a name and a value as a payment service gives them out."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "STRIPE_SECRET_KEY"
OTHER_NAME = "PAYPAL_SECRET_KEY"
"""As long as `NAME`: what is in the environment, where `NAME` must not be, or the environment would answer it."""

NAMES = tuple(f"{NAME}_{number:02}" for number in range(50))
"""What a batch asks for; the first one is also asked for alone."""

VALUE = "sk_test_" + "51H8aKq2vNc0TzRf9" * 5 + "51H8aKq2vNc0Tz"
"""107 characters."""

_LISTENED_TO = ("AWS_", "AZURE_", "GOOGLE_", "VAULT_", "SECRETSOURCE_", "PYTHON", "COVERAGE")


def dashed(name: str) -> str:
    """A name as Key Vault has it."""
    return name.lower().replace("_", "-")


def quiet_environment(**variables: str) -> dict[str, str]:
    """This process's environment without what we, a vendor or the interpreter would listen to, plus ``variables``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LISTENED_TO)}
    for name in (NAME, OTHER_NAME):
        kept.pop(name, None)
    if tree := os.environ.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(folder).resolve()) for folder in tree.split(os.pathsep))
    return kept | variables
