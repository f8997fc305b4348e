"""The ids in paths, which are routed as the client wrote them, percent-encoded.

A ``key_id`` has a form of its own: otherwise ``/v1/keys/…:rotate`` would be read as the id of a key. The id of an owner
or a plan may hold any character, a slash among them.
"""

from __future__ import annotations

from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor

__all__ = ["register"]

VERBS = ("addCredits", "purge", "suspend", "resume", "revokeKeys", "signOut")
"""The verbs of an owner, behind a colon."""


class KeyIdConvertor(Convertor[str]):
    """A ``key_id``: 22 letters and digits."""

    regex = "[0-9A-Za-z]{22}"

    def convert(self, value: str) -> str:
        """Return the id as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the id as it is."""
        return value


class IdConvertor(Convertor[str]):
    """The id of an owner or a plan, percent-encoded; one that ends like a verb has its colon encoded, too."""

    regex = "[^/]+" + "".join(f"(?<!:{verb})" for verb in VERBS)

    def convert(self, value: str) -> str:
        """Return the id; a path that is not UTF-8 does not come here."""
        return unquote(value, errors="strict")

    def to_string(self, value: str) -> str:
        """Return the id as it is."""
        return value


def register() -> None:
    """Make both known, as ``{…:key_id}`` and ``{…:id}``."""
    register_url_convertor("key_id", KeyIdConvertor())
    register_url_convertor("id", IdConvertor())
