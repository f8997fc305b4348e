"""botocore's log without what was read or sent: at DEBUG it tells each request and each response with its whole body.

The filters are set once, by the first client, and take the body out of the records of our calls, and of no other
caller's.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["silence_botocore", "silent"]

_ours: ContextVar[bool] = ContextVar("secretsource_aws_call", default=False)
"""Whether this thread is in a call of ours."""


@contextmanager
def silent() -> Generator[None]:
    """Keep bodies out of the log until the end of the block."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def silence_botocore() -> None:
    """Set the filters, unless they are set."""
    logging.getLogger("botocore.parsers").addFilter(mask_response_body)
    logging.getLogger("botocore.endpoint").addFilter(mask_request_body)


def mask_request_body(record: logging.LogRecord) -> bool:
    """Logging filter: while a call of ours runs, a request is logged without its body, which may be a value."""
    if _ours.get() and str(record.msg).startswith("Making request"):
        record.msg, record.args = "Making request: <masked by secretsource>", ()
    return True


def mask_response_body(record: logging.LogRecord) -> bool:
    """Logging filter: while a call of ours runs, botocore's parser logs the headers of a response and nothing else."""
    if _ours.get() and not str(record.msg).startswith("Response headers"):
        record.msg, record.args = "Response body: <masked by secretsource>", ()
        record.exc_info = record.exc_text = None
    return True
