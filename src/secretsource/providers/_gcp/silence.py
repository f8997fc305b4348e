"""The log of Google's packages without what was read or sent.

At DEBUG, and with ``GOOGLE_SDK_PYTHON_LOGGING_SCOPE``, the SDK logs each response with its payload. The filters take
that out of the records of our calls, and of no other caller's.
"""

from __future__ import annotations

import logging

from secretsource.providers._bounded_http import bounds_of_call

__all__ = ["mask_response", "mask_responses"]

_TRANSPORTS = "google.cloud.secretmanager_v1.services.secret_manager_service.transports"
_TALKATIVE = (
    f"{_TRANSPORTS}.grpc",
    f"{_TRANSPORTS}.grpc_asyncio",
    f"{_TRANSPORTS}.rest",
    "google.auth.transport.requests",
    "grpc._common",  # an error there comes with a traceback whose frames hold the response,
    "grpc._plugin_wrapping",  # and one there with all that the token endpoint has answered
)


def mask_responses() -> None:
    """Set the filters, unless they are set."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(mask_response)


def mask_response(record: logging.LogRecord) -> bool:
    """Logging filter: while a call of ours runs, a record keeps its message and loses what was sent and answered."""
    if bounds_of_call.get() is not None:
        for extra in ("request", "httpRequest", "response", "httpResponse"):
            if extra in vars(record):
                vars(record)[extra] = "<masked by secretsource>"
        record.exc_info = record.exc_text = None
    return True
