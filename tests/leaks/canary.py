"""A value that must show up nowhere, and where to look for it."""

from __future__ import annotations

import base64
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import SecretSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = ["CANARY", "FORMS", "assert_clean", "assert_unseen", "ours", "raises"]

CANARY = "canary-7be1c0ffee44"
FORMS = [CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("="), CANARY.encode().hex(), CANARY[::-1]]


def assert_unseen(*texts: str) -> None:
    for text in texts:
        for form in FORMS:
            assert form not in text


def ours(frames: TracebackType | None) -> Iterator[TracebackType]:
    """The frames of a traceback that are the library's."""
    while frames is not None:
        module = frames.tb_frame.f_globals.get("__name__", "")
        if module.startswith("secretsource"):
            yield frames
        frames = frames.tb_next


def assert_clean(error: BaseException) -> None:
    """Neither an error, nor anything behind it, nor the locals of our frames show the canary."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        seen.append(one)
        assert_unseen(str(one), repr(one), repr(vars(one)), "".join(traceback.format_exception_only(one)))
        for frames in ours(one.__traceback__):
            for name, value in frames.tb_frame.f_locals.items():
                assert not any(form in repr(value) for form in FORMS), f"{name} in {frames.tb_frame.f_code.co_qualname}"
        waiting.extend(behind for behind in (one.__context__, one.__cause__) if behind is not None)
        assert len(seen) < 10
    if isinstance(error, SecretSourceError):
        assert len(seen) == 1
        assert_unseen(pickle.dumps(error).decode("latin-1"))


def raises(act: Callable[[], Any]) -> None:
    """Run what fails, and search the error."""
    try:
        act()
    except Exception as error:
        assert_clean(error)
    else:
        pytest.fail("it did not raise")
