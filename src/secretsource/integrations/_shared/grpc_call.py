"""A call of gRPC: its question to the admission, its refusal, and the record of its key while it is served."""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import grpc

from secretsource.exceptions import ConfigurationError, KeyRejected
from secretsource.integrations._shared.grpc import address_of, behaviour_of, metadata_of
from secretsource.integrations.routes import Stated, check_stated, stated
from secretsource.issuing import NO_SCOPE, Admission
from secretsource.issuing.statuses import statuses_of

if TYPE_CHECKING:
    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys, AsyncApiKeys, HttpAnswer, KeyRecord

_KEY: ContextVar[KeyRecord | None] = ContextVar("secretsource_key", default=None)


def current_key() -> KeyRecord | None:
    """Return the record of the key of the call that is being served, or None without a key."""
    return _KEY.get()


def admission_of(keys: ApiKeys | AsyncApiKeys, settings: AdmissionSettings) -> Admission:
    """Return the admission of an interceptor.

    Args:
        keys: The keys to check with.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
    """
    admission = Admission(keys, scope=None, **settings)
    if admission.rules.hides:
        raise ConfigurationError(
            "hide cannot work with gRPC, where the metadata of a call stays as it is: leave it out"
        )
    return admission


def question(admission: Admission, method: str, handler: Any, context: Any) -> dict[str, Any]:
    """Return the arguments of `Admission.admit` for a call.

    Args:
        admission: The admission to ask.
        method: The full name of the method, such as ``/shop.Invoices/List``.
        handler: Its handler.
        context: The context of the call.

    Raises:
        ConfigurationError: The method is not exempt, and states no scope.
    """
    found = stated(behaviour_of(handler))
    if found is None:
        check_stated(admission, method, None)
    demand, cost, limit = found or Stated(NO_SCOPE)
    headers = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
    return {
        "headers": headers, "ip": address_of(context.peer()), "method": "POST", "path": method,
        "scope": demand, "cost": cost, "limit": limit,
    }  # fmt: skip


def refusal(answer: HttpAnswer, context: Any) -> tuple[Any, str]:
    """Set the trailing metadata of a refusal, and return its status and its sentence.

    Args:
        answer: The refusal, as HTTP has it.
        context: The context of the call.
    """
    problem = json.loads(answer.body)
    statuses = statuses_of(KeyRejected(problem["detail"], reason=problem["code"]))
    context.set_trailing_metadata((("problem-code", problem["code"]), *metadata_of(answer.headers)))
    return getattr(grpc.StatusCode, statuses.grpc), problem["detail"]


def note(admitted: Admitted, context: Any) -> None:
    """Set the record of the key for the method, and the trailing metadata.

    Args:
        admitted: The call that is let in.
        context: The context of the call.
    """
    _KEY.set(admitted.record)
    context.set_trailing_metadata(metadata_of(admitted.headers))
