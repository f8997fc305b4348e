"""The figures of webhooks for Prometheus: messages by their outcome, and how long the oldest has waited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

if TYPE_CHECKING:
    from secretsource.stores.base import Backlog

__all__ = ["WebhookFigures"]


class WebhookFigures:
    """The figures of one process; the names of endpoints come from the settings."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._messages = Counter(
            "secretsource_webhook_messages",
            "Attempts to send a webhook, by the endpoint and the outcome: sent, failed or given_up.",
            ("endpoint", "outcome"),
            registry=self._registry,
        )
        self._waiting = Gauge(
            "secretsource_webhook_waiting",
            "Messages that an endpoint has not received yet.",
            ("endpoint",),
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._lag = Gauge(
            "secretsource_webhook_lag_seconds",
            "Seconds since the event of the oldest message that an endpoint has not received yet.",
            ("endpoint",),
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )

    def settled(self, endpoint: str, outcome: str) -> None:
        """Count an attempt.

        Args:
            endpoint: The name of the endpoint.
            outcome: ``sent``, ``failed`` or ``given_up``.
        """
        self._messages.labels(endpoint, outcome).inc()

    def behind(self, endpoint: str, backlog: Backlog, now: float) -> None:
        """Note what waits.

        Args:
            endpoint: The name of the endpoint.
            backlog: The messages that wait.
            now: The present, in seconds since 1970 UTC.
        """
        self._waiting.labels(endpoint).set(backlog.waiting)
        self._lag.labels(endpoint).set(0.0 if backlog.oldest is None else max(0.0, now - backlog.oldest))

    def text(self) -> bytes:
        """Return the figures of this process in the text format of Prometheus."""
        return generate_latest(self._registry)
