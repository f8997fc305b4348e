"""The questions to a vault and their answers, without azure's classes: the driver decides on these.

The driver writes a conversation as a generator of questions; the blocking and the asynchronous client each run it to
its outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from secretsource.providers._azure.validity import Validity
from secretsource.providers.base import Failed, FailureCode, Found, NotFound

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from secretsource.providers.base import Outcome

    Answer: TypeAlias = "Held | list[Version] | NotFound | Failed"
    Conversation: TypeAlias = "Generator[Question, Answer, Outcome]"

__all__ = [
    "TIMED_OUT",
    "Held",
    "Question",
    "Version",
    "bearer_of",
    "held",
    "scope_of",
    "version_before",
    "was_let_in",
]

TIMED_OUT = Failed(FailureCode.TIMEOUT, "the time allowed for it was over before Key Vault could answer")

_AT_THE_DOOR = frozenset(
    {FailureCode.UNAUTHENTICATED, FailureCode.TIMEOUT, FailureCode.UNAVAILABLE, FailureCode.THROTTLED}
)


class Question(NamedTuple):
    """One call to the vault.

    Attributes:
        permission: The permission that the call needs, which also distinguishes the two calls.
        name: The secret.
        version: The version to get, or None for the current one.
    """

    permission: Literal["secrets/get", "secrets/list"]
    name: str
    version: str | None = None


class Held(NamedTuple):
    """A version with its value.

    Attributes:
        found: The value and the identifier.
        validity: The dates.
    """

    found: Found
    validity: Validity


class Version(NamedTuple):
    """A version in a list, without its value.

    Attributes:
        identifier: 32 hexadecimal digits.
        created: When it was stored, in whole seconds since 1970 UTC.
        enabled: Whether it may be read.
    """

    identifier: str
    created: float
    enabled: bool


def held(secret: Any) -> Held | Failed:
    """Return the facts in azure's ``KeyVaultSecret``."""
    about = secret.properties
    if not isinstance(secret.value, str) or not about.version:
        return Failed(
            FailureCode.MALFORMED,
            "the answer holds no value or no version",
            "check that vault_url, and no proxy, answers",
        )
    return Held(Found(secret.value, version=about.version), Validity.between(about.not_before, about.expires_on))


def listed(about: Any) -> Version:
    """Return the facts in azure's ``SecretProperties``."""
    return Version(about.version, about.created_on.timestamp(), bool(about.enabled))


def scope_of(vault_url: str) -> str:
    """Return the scope of a token for this vault: the domain of its cloud."""
    host = vault_url.removeprefix("https://").partition(":")[0]
    return f"https://{host.partition('.')[2] or host}/.default"


def bearer_of(token: str) -> str:
    """Return the owner of an access token: the unverified claims of user or application, tenant and object."""
    import json
    from base64 import urlsafe_b64decode

    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        return "a token that does not say whom it is for"
    named = [("user", "upn"), ("application", "appid"), ("object", "oid"), ("tenant", "tid")]
    said = [f"{word} {claims[claim]}" for word, claim in named if isinstance(claims.get(claim), str)]
    return ", ".join(said) or "a token that does not say whom it is for"


def version_before(versions: Sequence[Version], current: str | None) -> str | None:
    """Return the newest enabled version that is not newer than ``current``, or None.

    Key Vault lists versions in the order of their random identifiers. The order of two that were stored in the same
    second is unknown.
    """
    latest = next((version.created for version in versions if version.identifier == current), float("inf"))
    before = [
        (version.created, version.identifier)
        for version in versions
        if version.enabled and version.identifier != current and version.created <= latest
    ]
    return max(before)[1] if before else None


def was_let_in(answer: object) -> bool:
    """Return whether an answer shows that the vault accepted the token."""
    return not isinstance(answer, Failed) or answer.code not in _AT_THE_DOOR
