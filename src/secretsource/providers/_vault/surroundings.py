"""The environment variables of Vault, and of OpenBao, which has its own name for each."""

from __future__ import annotations

import os

__all__ = ["CREDENTIALS", "environment"]

CREDENTIALS = frozenset({"VAULT_TOKEN", "BAO_TOKEN", "VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"})
"""Variables that give their holder the rights of this process at Vault."""


def environment(word: str) -> str | None:
    """Return a variable of Vault's (``VAULT_ADDR``), or of OpenBao's (``BAO_ADDR``), that is not empty."""
    return os.environ.get(f"VAULT_{word}") or os.environ.get(f"BAO_{word}") or None
