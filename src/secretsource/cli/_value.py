"""A value on its way out of this process, as bytes that its receiver can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import ProviderResponseError
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from secretsource import Secret

__all__ = ["encoded", "encoded_for_environment", "is_binary"]


def is_binary(secret: Secret) -> bool:
    """Whether a secret is bytes that are no text."""
    return secret._raw is not None


def encoded(secret: Secret) -> bytes:
    """The text of a secret in UTF-8; base64 for a binary one.

    Raises:
        ProviderResponseError: A JSON document may escape half of a surrogate pair, which is no text.
    """
    if is_binary(secret):
        return secret.as_base64().encode()
    try:
        return secret.encode()
    except UnicodeEncodeError:
        pass  # this error holds the value
    raise _unfit(secret, "holds half of a surrogate pair, which is no text: store it anew")


def encoded_for_environment(secret: Secret) -> bytes:
    """The same, for a variable.

    Raises:
        ProviderResponseError: No variable can hold it.
    """
    if "\0" in secret:
        raise _unfit(
            secret, "has a NUL character, which no variable can hold: mount it as a file, or store it as base64"
        )
    return encoded(secret)


def _unfit(secret: Secret, why: str) -> ProviderResponseError:
    return ProviderResponseError(
        f"the value of secret {secret.name!r} from provider {secret.provider!r} {why}",
        name=secret.name,
        provider=secret.provider,
        code=FailureCode.MALFORMED,
    )
