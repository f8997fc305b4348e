"""Log lines of the service: one JSON object, or one line of text. An error is its class and its place, and no value."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["JsonLines", "TextLines", "logging_config", "place_of"]

_FIELDS = ("request_id", "operation", "seconds")


class TextLines(logging.Formatter):
    """A line of text for each record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name of the standard library
        """Return the class and the place of an error: its text, and the lines of its frames, may hold a value."""
        return _failure(ei)


class JsonLines(logging.Formatter):
    """A JSON object for each record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object, on one line."""
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        document.update({name: getattr(record, name) for name in _FIELDS if hasattr(record, name)})
        if record.exc_info:
            document["failure"] = _failure(record.exc_info)
        return json.dumps(document)


def logging_config(form: str) -> dict[str, Any]:
    """Return the configuration of logging, for `logging.config.dictConfig`.

    Args:
        form: ``json`` or ``text``.
    """
    formatter = JsonLines if form == "json" else TextLines
    to_stderr = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": f"{formatter.__module__}.{formatter.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "loggers": {"uvicorn": {**to_stderr, "level": "WARNING"}, "secretsource": to_stderr},
    }


def place_of(trace: TracebackType | None) -> str:
    """Return the file and line where an error arose, and no value."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "an unknown place" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _failure(told: tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | Any) -> str:
    kind, _, trace = told
    return f"{getattr(kind, '__name__', 'error')} in {place_of(trace)}"
