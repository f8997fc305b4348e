"""Every error of the package, in one tree.

SecretSourceError                   never raised itself
├─ ConfigurationError               wrong wiring, found at start
│  └─ ProviderNotInstalled          also ImportError; says which extra to install
├─ ResolveError                     a secret could not be obtained
│  ├─ InvalidReference              also ValueError; the name or reference is not well formed
│  ├─ SecretNotFound                also LookupError; lists the providers asked
│  └─ ProviderError                 name, provider, code, retryable, the SDK's class name
│     ├─ ProviderDenied             denied, unauthenticated, disabled or deleted
│     ├─ ProviderUnavailable        timeout, throttled, down
│     └─ ProviderResponseError      answered, but not in the promised form, or wired wrongly
├─ KeyRejected                      the public reason of a refused API key
│  ├─ InvalidKey                    401 invalid_token
│  ├─ InsufficientScope             403 insufficient_scope
│  └─ RateLimited                   429
├─ StoreError                       the key store could not answer
├─ InvalidRequest                   also ValueError; the request about a key is invalid: a scope, an expiry, a limit
│  ├─ PlanExceeded                  the plan of an owner does not allow a key
│  └─ RepeatDiffers                 a token was used for another request
├─ RepeatTooSoon                    the first request with the token may be on its way
├─ KeyNotFound                      also LookupError; no key has this key_id
├─ OwnerNotFound                    also LookupError; no owner is registered under this id
├─ PlanNotFound                     also LookupError; no plan has this id
├─ InvalidTransition                a move the life of a key does not have
└─ Conflict                         what was to be changed has moved on

Every raise must follow two rules. Its message is one sentence: what failed, for which name, at which provider, what to
do next. No secret can be reached from the exception, neither by its text nor by ``__context__``; so it is raised after
the ``except`` block that noticed the error.
"""

from __future__ import annotations

from secretsource._ground.key_text import is_key_id, masked, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from secretsource._ground.codes import FailureCode

__all__ = [
    "ConfigurationError",
    "Conflict",
    "InsufficientScope",
    "InvalidKey",
    "InvalidReference",
    "InvalidRequest",
    "InvalidTransition",
    "KeyNotFound",
    "KeyRejected",
    "OwnerNotFound",
    "PlanExceeded",
    "PlanNotFound",
    "ProviderDenied",
    "ProviderError",
    "ProviderNotInstalled",
    "ProviderResponseError",
    "ProviderUnavailable",
    "RateLimited",
    "RepeatDiffers",
    "RepeatTooSoon",
    "ResolveError",
    "SecretNotFound",
    "SecretSourceError",
    "StoreError",
]


class SecretSourceError(Exception):
    """The root of the tree; catch it to catch all of ours. Another process gets it whole, as from a pool of workers."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return message and attributes for `pickle` and `copy`: the constructors take more than a message."""
        from copyreg import __newobj__  # type: ignore[attr-defined] # which pickle knows by this name

        return __newobj__, (type(self), *self.args), self.__dict__ or None


class ConfigurationError(SecretSourceError):
    """The wiring is wrong: a setting, a provider name, a file; found before a secret is asked for."""


class ProviderNotInstalled(ConfigurationError, ImportError):
    """A provider was named whose vendor package is not installed.

    Attributes:
        provider: The provider's scheme, such as ``aws``.
        extra: The extra to install, as in ``pip install 'secretsource[aws]'``.
    """

    def __init__(self, provider: str, extra: str) -> None:
        super().__init__(
            f"provider {provider!r} needs a package that is not installed: run  pip install 'secretsource[{extra}]'"
        )
        self.provider = provider
        self.extra = extra

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the arguments: `ImportError` has its message in a place of its own."""
        return type(self), (self.provider, self.extra)


class ResolveError(SecretSourceError):
    """A secret could not be obtained; the subclasses say why."""


class InvalidReference(ResolveError, ValueError):
    """A name or reference is not well formed; nothing was asked."""


class SecretNotFound(ResolveError, LookupError):
    """Every provider that was asked answered that the secret is not there.

    Attributes:
        name: The name asked for.
        providers: The providers that were asked, in order.
    """

    def __init__(self, message: str, *, name: str, providers: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.providers = providers


class ProviderError(ResolveError):
    """A provider could not answer.

    Attributes:
        name: The name asked for.
        provider: The provider that failed.
        code: The kind of failure, from a closed set.
        retryable: Whether asking again later may succeed.
        sdk_error: Class name of the vendor's exception; never the exception itself, which may hold a response body.
    """

    def __init__(
        self, message: str, *, name: str, provider: str, code: FailureCode, sdk_error: str | None = None
    ) -> None:
        super().__init__(message)
        self.name = name
        self.provider = provider
        self.code = code
        self.retryable = code.retryable
        self.sdk_error = sdk_error


class ProviderDenied(ProviderError):
    """The provider refused: no permission, no valid identity, or the secret is disabled or deleted."""


class ProviderUnavailable(ProviderError):
    """The provider could not be reached in time, is down, or throttles us."""


class ProviderResponseError(ProviderError):
    """The provider answered, but not in the promised form, or its configuration does not fit the service."""


class KeyRejected(SecretSourceError):
    """An API key was refused.

    Attributes:
        reason: The public reason, as a stable code.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidKey(KeyRejected):
    """The key is not accepted (HTTP 401, RFC 6750 ``invalid_token``)."""


class InsufficientScope(KeyRejected):
    """The key is good but may not do this (HTTP 403, RFC 6750 ``insufficient_scope``)."""


class RateLimited(KeyRejected):
    """The key has used up its rate or quota (HTTP 429)."""


class StoreError(SecretSourceError):
    """The key store could not answer; the check fails closed."""


class InvalidRequest(SecretSourceError, ValueError):
    """A request about a key is invalid: the syntax of a scope, an expiry in the past, a negative limit.

    Attributes:
        field: The argument that is wrong, such as ``scopes``; None if no single argument is.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class PlanExceeded(InvalidRequest):
    """The plan of an owner does not allow a key: one key too many, too long a life, a scope that it does not have.

    Attributes:
        owner: Whose key it would be.
        plan: The id of the plan.
    """

    def __init__(self, owner: str, plan: str, why: str, *, field: str | None = None) -> None:
        super().__init__(f"plan {quote(plan, 80)} of owner {quote(owner, 80)} {why}", field=field)
        self.owner = owner
        self.plan = plan


class RepeatDiffers(InvalidRequest):
    """The token of a repeatable request was used for another request (HTTP 422)."""


class RepeatTooSoon(SecretSourceError):
    """The first request with the token may be on its way still (HTTP 409); repeat the request in some seconds."""


class KeyNotFound(SecretSourceError, LookupError):
    """No key has this ``key_id``.

    Attributes:
        key_id: The ``key_id`` asked for; empty if it was malformed, and not quoted, because it may be a whole key.
    """

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id if is_key_id(key_id) else ""
        super().__init__(
            f"no API key has the key_id {key_id!r}: list the owner's keys to find it"
            if self.key_id
            else "no API key has this key_id, which is not quoted: it is 22 characters of 0-9A-Za-z, as in a record"
        )


class OwnerNotFound(SecretSourceError, LookupError):
    """No owner is registered under this id; a key may have such an owner nevertheless.

    Attributes:
        id: The id asked for.
    """

    def __init__(self, id: str) -> None:
        self.id = masked(id, 255)
        super().__init__(f"no owner {quote(id, 80)} is registered: register it with  owners put")


class PlanNotFound(SecretSourceError, LookupError):
    """No plan has this id.

    Attributes:
        id: The id asked for.
    """

    def __init__(self, id: str) -> None:
        self.id = masked(id, 255)
        super().__init__(f"there is no plan {quote(id, 80)}: make it with  plans put, or list the plans there are")


class InvalidTransition(SecretSourceError):
    """The life of a key has no such move, such as enabling a revoked key."""


class Conflict(SecretSourceError):
    """The record has changed since you read it (HTTP 412).

    Attributes:
        revision: The revision that it has now.
    """

    def __init__(self, message: str, *, revision: int) -> None:
        super().__init__(message)
        self.revision = revision
