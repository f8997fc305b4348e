"""One table says what an error or a refusal is in HTTP, in a problem document, in gRPC and as an exit code."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import exceptions
from secretsource.cli._terminal.exit_codes import code_of
from secretsource.exceptions import InvalidKey, InvalidRequest, SecretSourceError, StoreError
from secretsource.issuing import Reason, Rejected, http_answer
from secretsource.issuing.statuses import Statuses, statuses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

GRPC = {
    "UNAUTHENTICATED": {401}, "INVALID_ARGUMENT": {400, 422}, "PERMISSION_DENIED": {403}, "RESOURCE_EXHAUSTED": {429},
    "UNAVAILABLE": {503}, "NOT_FOUND": {404}, "FAILED_PRECONDITION": {409, 502}, "ABORTED": {409, 412},
    "INTERNAL": {500, 502},
}  # fmt: skip
"""The HTTP statuses that each gRPC status stands for."""


def bare(kind: type[SecretSourceError]) -> SecretSourceError:
    """An error of a class, as far as the table looks at it."""
    error: Any = kind.__new__(kind)
    error.reason = None
    return error


def errors() -> Iterator[type[SecretSourceError]]:
    """Every class of the tree."""
    for _, kind in inspect.getmembers(exceptions, inspect.isclass):
        if issubclass(kind, SecretSourceError):
            yield kind


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_is_in_the_table(reason: Reason) -> None:
    """With the status and the code of its answer, as HTTP sends it and as `verify` raises it."""
    rejected = Rejected(reason)
    statuses = statuses_of(rejected)
    assert (statuses.http, statuses.code) == (reason.answer.status, reason.answer.code)
    assert http_answer(rejected, realm="api", now=0.0).status == statuses.http
    assert statuses_of(rejected.error()) == statuses
    assert statuses.http in GRPC[statuses.grpc]


@pytest.mark.parametrize("kind", [*errors()], ids=lambda kind: kind.__name__)
def test_every_error_is_in_the_table(kind: type[SecretSourceError]) -> None:
    """Its statuses agree with each other, and its exit code is that of the command line."""
    error = bare(kind)
    statuses = statuses_of(error)
    assert statuses.http in GRPC[statuses.grpc]
    assert HTTPStatus(statuses.http)
    assert statuses.exit == code_of(error)
    assert (statuses.exit == 3) == (statuses.grpc == "UNAVAILABLE")


def test_a_class_of_its_own_has_the_statuses_of_the_class_above() -> None:
    """An application may derive from ours."""

    class TooManyKeys(InvalidRequest):
        """A mistake of the request."""

    assert statuses_of(TooManyKeys("no")) == Statuses("invalid_request", 400, "INVALID_ARGUMENT", 2)
    assert statuses_of(StoreError("no")) == Statuses("unavailable", 503, "UNAVAILABLE", 3)
    assert statuses_of(InvalidKey("no", reason="a reason of its own")).code == "invalid_key"
