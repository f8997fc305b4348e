"""botocore's log without values: at DEBUG, botocore logs each request and each response with its whole body.

The first client sets the filters once. They remove the body from the records of our calls, and of no other caller's.
"""

from __future__ import annotations

import logging

from secretsource.providers._wire.bounded_http import bounds_of_call

__all__ = ["silence_botocore"]


def silence_botocore() -> None:
    """Set the filters, unless they are set already."""
    logging.getLogger("botocore.parsers").addFilter(mask_response_body)
    logging.getLogger("botocore.endpoint").addFilter(mask_request_body)


def mask_request_body(record: logging.LogRecord) -> bool:
    """Filter a record: during a call of ours, a request is logged without its body, which may be a value."""
    if bounds_of_call.get() is not None and str(record.msg).startswith("Making request"):
        record.msg, record.args = "Making request: <masked by secretsource>", ()
    return True


def mask_response_body(record: logging.LogRecord) -> bool:
    """Filter a record: during a call of ours, botocore's parser logs the headers of a response and nothing else."""
    if bounds_of_call.get() is not None and not str(record.msg).startswith("Response headers"):
        record.msg, record.args = "Response body: <masked by secretsource>", ()
        record.exc_info = record.exc_text = None
    return True
