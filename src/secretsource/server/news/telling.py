"""The news of the service about itself: a log line for each request, and figures for Prometheus.

Neither holds a credential, the id of an owner or the name of a secret. A path is logged without its query, and a key or
an owner in it is masked.
"""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from secretsource.issuing import KeyFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.server.service import Scope, Service

__all__ = ["CONTENT_TYPE", "Telling", "masked"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LONGEST_PATH = 512
_KEY = re.compile(KeyFormat().rules().github.secret_format)
_OWNER = re.compile("^(/v1/owners/).+", re.DOTALL)
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_log = logging.getLogger("secretsource.server.requests")


class Telling:
    """The log and the figures of one process.

    Args:
        service: The parts of the process.
    """

    def __init__(self, service: Service) -> None:
        self._webhooks = service.webhooks
        self._chores = service.chores
        self._registry = CollectorRegistry()
        self._tallies = defaultdict[str, defaultdict[int, int]](lambda: defaultdict(int))
        self._requests = Counter(
            "secretsource_requests",
            "Requests, by the operation and the status of the answer.",
            ("operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "secretsource_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("operation",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def request(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        """Count and log one request that has been answered.

        Args:
            scope: The scope of ASGI.
            request_id: The number of the request.
            status: The status of the answer; 0 if the client went away before.
            seconds: How long it took.
        """
        operation = getattr(scope.get("route"), "operation_id", None) or "none"
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)
        _log.info(
            "%s %s %s",
            scope["method"],
            _shown(scope),
            status,
            extra={"request_id": request_id, "operation": operation, "seconds": round(seconds, 6)},
        )

    def counter(self, operation: str) -> Callable[[int], None]:
        """Return what counts the answers of a bare application by their status, with as little beside it as can be.

        Args:
            operation: Its name.
        """
        counters = cache(partial(self._requests.labels, operation))
        if _is_shared():
            return lambda status: counters(str(status)).inc()
        # A counter of Prometheus takes a lock and four calls, so these are added up when the figures are asked for.
        tally = self._tallies[operation]

        def count(status: int) -> None:
            tally[status] += 1

        return count

    def figures(self) -> bytes:
        """Return the figures in the text format of Prometheus; with several processes, those of all."""
        if _is_shared():
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus has no types here
            return generate_latest(registry)
        for operation, tally in self._tallies.items():
            for status, number in tally.items():
                self._requests.labels(operation, str(status)).inc(number)
            tally.clear()
        return generate_latest(self._registry) + self._webhooks.text() + self._chores.text()


def _is_shared() -> bool:
    """Return whether several processes have their figures in one folder."""
    return bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))


def _shown(scope: Scope) -> str:
    """Return the path of a request without the id of an owner: by its route, or else up to where the id begins."""
    pattern = getattr(scope.get("route"), "path_format", "")
    if "{owner}" in pattern:
        return pattern.replace("{owner}", "<masked>")
    return _OWNER.sub(r"\1<masked>", masked(scope["path"]))


def masked(path: str) -> str:
    """Return the beginning of a path, without control characters, and with a key in it masked.

    Args:
        path: The path of a request, as the client sent it: a key in it may be percent-encoded.
    """
    decoded = unquote(path)
    shown = _KEY.sub("<masked>", decoded if _KEY.search(decoded) else path)[:LONGEST_PATH]
    return shown if shown.isprintable() else ascii(shown)[1:-1]
