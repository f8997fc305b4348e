"""Encode a value for its receiver: standard output, or a variable of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import ProviderResponseError
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from secretsource import Secret

__all__ = ["encoded", "encoded_for_environment"]


def encoded(secret: Secret) -> bytes:
    """Encode the text of a secret as UTF-8, or a binary secret as base64.

    Raises:
        ProviderResponseError: The text has half of a surrogate pair, which a JSON document may escape.
    """
    if secret.is_binary:
        return secret.as_base64().encode()
    try:
        return secret.encode()
    except UnicodeEncodeError:
        pass  # this error holds the value
    raise _unfit(secret, "has half of a surrogate pair, which UTF-8 cannot write: store the value again")


def encoded_for_environment(secret: Secret) -> bytes:
    """Encode a secret for a variable of the environment.

    Raises:
        ProviderResponseError: No variable can hold the value.
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
