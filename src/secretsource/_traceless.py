"""Raise an error of ours without the frames it came from: their locals hold settings, and a setting may be a secret."""

from __future__ import annotations

from functools import wraps

from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    Given = ParamSpec("Given")
    Result = TypeVar("Result")


def traceless(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Let a `ConfigurationError` leave ``function`` with its message and nothing else.

    Error trackers send the locals of every frame of a traceback along; here those are the text of the file and the
    settings in it. Inside ``function`` errors may therefore be raised wherever they are noticed.
    """

    @wraps(function)
    def boundary(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except ConfigurationError as error:
            failure = error.with_traceback(None)
        del args, kwargs
        failure.__cause__ = failure.__context__ = None
        raise failure

    return boundary
