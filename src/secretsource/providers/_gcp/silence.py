"""The log of Google's packages without values.

At DEBUG, and with ``GOOGLE_SDK_PYTHON_LOGGING_SCOPE``, the SDK logs each response with its payload. The filters remove
it from the records of our calls, and of no other caller's.
"""

from __future__ import annotations

import logging

from secretsource.providers._wire.bounded_http import bounds_of_call

__all__ = ["mask_response", "mask_responses"]

_TRANSPORTS = "google.cloud.secretmanager_v1.services.secret_manager_service.transports"
_TALKATIVE = (
    f"{_TRANSPORTS}.grpc",
    f"{_TRANSPORTS}.grpc_asyncio",
    f"{_TRANSPORTS}.rest",
    "google.auth.transport.requests",
    "grpc._common",  # whose errors have a traceback with the response in its frames
    "grpc._plugin_wrapping",  # whose errors have the token endpoint's whole answer
)


def mask_responses() -> None:
    """Set the filters, unless they are set already."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(mask_response)


def mask_response(record: logging.LogRecord) -> bool:
    """Filter a record: during a call of ours, it keeps its message and loses request and answer."""
    if bounds_of_call.get() is not None:
        for extra in ("request", "httpRequest", "response", "httpResponse"):
            if extra in vars(record):
                vars(record)[extra] = "<masked by secretsource>"
        record.exc_info = record.exc_text = None
    return True
