"""The peppers of a running process: the secret ``SECRETSOURCE_PEPPER``, which the consuming half follows.

A process remembers every pepper that it has loaded, and checks keys under each of them as long as it lives. A new
process loads only the two versions of the secret.
"""

from __future__ import annotations

import logging

import secretsource
from secretsource.exceptions import SecretNotFound, SecretSourceError
from secretsource.issuing._key.hashing import PepperSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._secret import Secret
    from secretsource.resolver._resolver import Resolver

PEPPER_NAME = "SECRETSOURCE_PEPPER"
REFUSED_EVERY = 1.0
"""Seconds between two questions to the provider itself, however many keys are met that need another pepper."""


def find_peppers(resolver: Resolver) -> PepperSet:
    """Ask a resolver for the secret ``SECRETSOURCE_PEPPER``.

    Args:
        resolver: The resolver to ask.

    Returns:
        The peppers, newest first; an empty set without such a secret.

    Raises:
        ConfigurationError: A pepper is too short.
        ResolveError: The providers could not be asked.
    """
    try:
        return PepperSet(resolver.get_set(PEPPER_NAME))
    except SecretNotFound:
        return PepperSet()


class PepperSource:
    """The loader of the peppers, which also looks for new ones."""

    def __init__(self) -> None:
        self._current: Secret | None = None
        self._known: dict[str, None] = {}
        self._due = float("-inf")

    def read(self) -> PepperSet:
        """Load the peppers, newest first; without any, warn and return an empty set.

        Raises:
            ConfigurationError: A pepper is too short.
            ResolveError: The providers could not be asked.
        """
        try:
            return self._ask()
        except SecretNotFound:
            pass
        logging.getLogger(__name__).warning(
            "there is no pepper, so a reader of the key store can test guesses: make one with  openssl rand "
            "-base64 32, and set %s to it",
            PEPPER_NAME,
        )
        return PepperSet()

    def renewed(self, now: float, *, refused: bool = False) -> PepperSet | None:
        """Return the peppers with a new one among them; None without a new one, or when the provider does not answer.

        Args:
            now: The present, in monotonic seconds.
            refused: Whether a key was met that needs another pepper: the provider is then asked at once, for each
                version of the secret once, and no more often than `REFUSED_EVERY`.
        """
        if refused and now < self._due:
            return None
        if refused:
            self._due = now + REFUSED_EVERY
        before = dict(self._known)
        try:
            if refused and self._current is not None:
                secretsource.reject(self._current)
            peppers = self._ask()
        except SecretSourceError:
            return None  # known peppers stay in use, even when the secret is gone
        return None if self._known == before else peppers

    def _ask(self) -> PepperSet:
        found = secretsource.get_secret_set(PEPPER_NAME)
        texts = [secret if secret._raw is None else secret.as_base64() for secret in found]
        peppers = PepperSet((*texts, *self._known))
        self._current = found.current
        self._known = dict.fromkeys((*map(str, texts), *self._known))
        return peppers

    def __repr__(self) -> str:
        return "PepperSource(<masked>)"
