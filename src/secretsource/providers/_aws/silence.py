"""botocore's log without secrets: at DEBUG, botocore logs each request and each response with its whole body.

It also logs the headers of a request, among them the session token, and the token of single sign-on. The first client
sets the filters once. They remove all of that from the records of our calls, and of no other caller's.
"""

from __future__ import annotations

import logging

from secretsource.providers._wire.bounded_http import bounds_of_call

__all__ = ["silence_botocore"]

_REQUESTS = ("Making request", "Sending http request", "CanonicalRequest")
"""The begins of the messages with a request in them."""


def silence_botocore() -> None:
    """Set the filters, unless they are set already."""
    logging.getLogger("botocore.parsers").addFilter(mask_response_body)
    logging.getLogger("botocore.endpoint").addFilter(mask_request)
    logging.getLogger("botocore.auth").addFilter(mask_request)


def mask_request(record: logging.LogRecord) -> bool:
    """Filter a record: during a call of ours, a request is logged without its headers and its body."""
    if bounds_of_call.get() is not None:
        begin = next(filter(str(record.msg).startswith, _REQUESTS), None)
        if begin is not None:
            record.msg, record.args = f"{begin}: <masked by secretsource>", ()
    return True


def mask_response_body(record: logging.LogRecord) -> bool:
    """Filter a record: during a call of ours, botocore's parser logs the headers of a response and nothing else."""
    if bounds_of_call.get() is not None and not str(record.msg).startswith("Response headers"):
        record.msg, record.args = "Response body: <masked by secretsource>", ()
        record.exc_info = record.exc_text = None
    return True
