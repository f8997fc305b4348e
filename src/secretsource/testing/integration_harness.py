"""The application of the acceptance list of integrations, and how a test builds it with one edge."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from secretsource.issuing import ApiKeys, Demand, KeyRecord

__all__ = ["ACCEPTANCE_ROUTES", "AcceptanceRoute", "IntegrationHarness", "broken", "shown", "streamed"]

READ, PAY = "invoices:read", "payments:make"


class AcceptanceRoute(NamedTuple):
    """A route of the application.

    Attributes:
        path: Its path.
        scope: The scope that it states; None for a route that is exempt.
        cost: The cost that it states.
        answers: The function that its view answers with: `shown`, `streamed` or `broken`.
        methods: The HTTP methods of its view; ``HEAD`` goes with ``GET``.
        limit: The limit of each key that it states; None for none.
    """

    path: str
    scope: Demand | None
    cost: int = 1
    answers: str = "shown"
    methods: tuple[str, ...] = ("GET",)
    limit: str | None = None


ACCEPTANCE_ROUTES = (
    AcceptanceRoute("/invoices", READ),
    AcceptanceRoute("/payments", (READ, PAY), methods=("POST",)),
    AcceptanceRoute("/reports", READ, cost=5),
    AcceptanceRoute("/exports", READ, limit="2/hour"),
    AcceptanceRoute("/anyone", NO_SCOPE),
    AcceptanceRoute("/catalogue", NO_SCOPE),
    AcceptanceRoute("/stream", READ, answers="streamed"),
    AcceptanceRoute("/broken", READ, answers="broken"),
    AcceptanceRoute("/health", None),
)
"""The routes of the application."""


def shown(record: KeyRecord | None, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the JSON that a view answers: the owner of the key, and the headers that the view sees.

    Args:
        record: The record of the key, as the view receives it; None without a key.
        headers: The headers of the request, as the view sees them.
    """
    return {"owner": None if record is None else record.owner, "headers": [[*pair] for pair in headers]}


def streamed() -> Iterator[bytes]:
    """Yield the parts of a streamed answer."""
    yield from (b"one,", b"two,", b"three")


def broken() -> Any:
    """Raise the error of a view that fails."""
    raise ArithmeticError("the view of /broken fails on purpose")


def owner_of(body: bytes) -> object:
    """Return the owner in an answer of `shown`, or a sentence for any other answer."""
    return json.loads(body).get("owner", "this is not an answer of the view")


class IntegrationHarness(ABC):
    """A harness that builds `ACCEPTANCE_ROUTES` with an edge, for `IntegrationAcceptance`.

    Each view answers with `shown`, `streamed` or `broken`, and adds the header ``X-View: yes``; ``shown`` is sent as
    JSON. With the ability ``websocket``, ``/socket`` states the scope ``invoices:read`` and echoes each text.
    """

    @abstractmethod
    def serve(self, keys: ApiKeys, **settings: Any) -> AbstractContextManager[str]:
        """Serve the application over HTTP on this machine, until the end of the ``with`` block.

        Args:
            keys: The keys to check with.
            settings: Settings of the edge, as of `AdmissionSettings`.

        Yields:
            The base URL, without a slash at its end.
        """

    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> AbstractContextManager[str]:
        """Serve as `serve` does, with 127.0.0.1 as a proxy whose ``X-Forwarded-For`` is trusted."""
        raise NotImplementedError(
            f"{type(self).__name__} has no trusted proxy: write serve_behind_proxy, or declare 'proxy' in `impossible`"
        )

    @abstractmethod
    def start_unstated(self, keys: ApiKeys) -> None:
        """Start the application as a server does, with one more route ``/forgotten`` that states no scope."""
