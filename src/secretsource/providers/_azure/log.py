"""Keeps what a token service answered out of the log of azure-identity.

When an answer is not what was expected, azure-identity puts the whole of it into its error, and the error into the
log, at WARNING; such an answer can be a token that was cut off. Within our calls, and for no other caller, the records
end where the answer would begin.
"""

from __future__ import annotations

import logging
import re
import traceback

from secretsource.providers._bounded_http import bounds_of_call

__all__ = ["mask_answers"]

LOGGERS = tuple(
    f"azure.identity{half}.{module}"
    for half in ("", ".aio")
    for module in ("_credentials.chained", "_internal.decorators", "_internal.get_token_mixin")
)
"""The loggers that tell of an error; a filter is not inherited, so each has its own."""

_ANSWER = re.compile(r"(?<=\nContent: ).*|(?<=Unexpected response from Microsoft Entra ID: ).*", re.DOTALL)


def mask_answers() -> None:
    """Put the filter on; once is enough, and more often does no harm."""
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
