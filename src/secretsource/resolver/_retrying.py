"""The loop around `reject`: a call that the other side refuses is made again with a newer value, if there is one."""

from __future__ import annotations

from secretsource._callback import callable_with
from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any, TypeAlias, TypeVar

    from secretsource._ground.flow import Flow
    from secretsource._secret import Secret

    R = TypeVar("R")
    Refusals: TypeAlias = "Callable[[Exception], object] | type[Exception] | tuple[type[Exception], ...]"

__all__ = ["AsyncRetrying", "Retrying"]

MOST_CALLS = 3
"""Calls at most. A value may be replaced twice meanwhile; a provider that makes a new one each time has no last one."""


@boundaries()
class Retrying:
    """The loop for threads."""

    def retrying(
        self, name: str, call: Callable[[Secret], R], is_auth_error: Refusals, *, field: str | None = None
    ) -> R:
        """Call a function with a secret, and again with a newer value if the other side refused this one.

        Args:
            name: A name or reference, as for `get`.
            call: The function; it gets the secret, and is called up to 3 times.
            is_auth_error: A function that returns whether an error of ``call`` says that the secret was refused, or the
                class of such errors, or several.
            field: As for `get`.

        Returns:
            The answer of ``call``.

        Raises:
            ConfigurationError: ``call`` or ``is_auth_error`` is not a plain function, nor the latter a class of errors.
            ProviderError: The provider could not be asked.
            SecretNotFound: No provider has the secret.
            Exception: ``call`` raised it. It is raised again for a refusal, too, if there is no newer value.
        """
        callable_with(call, "a secret", called="call", instead="use AsyncResolver.retrying")
        answer: R = run(_calls(self, name, call, _recognized(is_auth_error), field))
        return answer


@boundaries()
class AsyncRetrying:
    """The loop for event loops."""

    async def retrying(
        self, name: str, call: Callable[[Secret], Awaitable[R]], is_auth_error: Refusals, *, field: str | None = None
    ) -> R:
        """Do as `Resolver.retrying` does; ``call`` is a coroutine function."""
        if not callable(call):
            raise ConfigurationError(f"call must be a coroutine function of a secret, not {type(call).__name__}")
        answer: R = await arun(_calls(self, name, call, _recognized(is_auth_error), field))
        return answer


def _recognized(is_auth_error: Refusals) -> Callable[[Exception], object]:
    """Return a function that recognizes refusals, also for classes: a class that is called with an error makes one."""
    given: Any = is_auth_error
    if isinstance(given, (type, tuple)):
        classes = given if isinstance(given, tuple) else (given,)
        if classes and all(isinstance(each, type) and issubclass(each, Exception) for each in classes):
            return lambda error: isinstance(error, classes)
    elif callable(given):
        callable_with(given, "an error", called="is_auth_error", instead="let it decide without waiting")
        return is_auth_error  # type: ignore[return-value] # a function, as was just seen
    raise ConfigurationError("is_auth_error must be a function of an error, or a class of errors, such as  AuthError")


def _calls(
    resolver: Any,
    name: str,
    call: Callable[[Secret], Any],
    is_refusal: Callable[[Exception], object],
    field: str | None,
) -> Flow[Any]:
    secret: Secret = yield resolver.get(name, field=field)
    for _ in range(MOST_CALLS - 1):
        try:
            answer = yield call(secret)
        except Exception as error:  # `is_refusal` chooses among all of them
            if not is_refusal(error):
                raise
            refusal = error
        else:
            return answer
        newer: Secret = yield resolver.reject(secret)
        try:
            if newer == secret:
                raise refusal
        finally:
            del refusal  # which has this frame in its traceback
        secret = newer
    return (yield call(secret))
