"""The log of azure-identity without the answers of a token service.

azure-identity puts an unexpected answer whole into its error, and the error into the log, at WARNING. Such an answer
can be a token that was cut off. During our calls, and for no other caller, the records end before the answer.
"""

from __future__ import annotations

import logging
import re
import traceback

from secretsource.providers._wire.bounded_http import bounds_of_call

__all__ = ["mask_answers"]

LOGGERS = tuple(
    f"azure.identity{half}.{module}"
    for half in ("", ".aio")
    for module in ("_credentials.chained", "_internal.decorators", "_internal.get_token_mixin")
)
"""The loggers that report an error; filters are not inherited, so each logger has its own."""

_ANSWER = re.compile(r"(?<=\nContent: ).*|(?<=Unexpected response from Microsoft Entra ID: ).*", re.DOTALL)


def mask_answers() -> None:
    """Set the filter; setting it twice does no harm."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(mask_answer)


def mask_answer(record: logging.LogRecord) -> bool:
    """Cut a record, and its traceback, where the answer of a token service begins."""
    if bounds_of_call.get() is None:
        return True
    text = record.getMessage()
    if record.exc_info and _ANSWER.search("".join(traceback.format_exception(*record.exc_info))):
        record.exc_info = None
    if _ANSWER.search(text):
        record.msg, record.args = _ANSWER.sub("<masked by secretsource>", text), ()
    return True
