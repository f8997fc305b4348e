"""Work after the answer: it is bounded, it survives a stop, and its errors are logged without their text."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from secretsource.server.errands import MOST, Errands

if TYPE_CHECKING:
    import pytest


async def test_a_stop_waits_for_what_is_under_way() -> None:
    """An errand that is slow is finished before the parts are closed; no further one begins meanwhile."""
    errands, begun, done = Errands(), asyncio.Event(), list[str]()
    answered = asyncio.Event()

    async def slow() -> None:
        begun.set()
        await answered.wait()
        done.append("slow")

    errands.start(slow(), "test")
    await begun.wait()
    stopping = asyncio.ensure_future(errands.finish(60))
    while not errands.is_ending:
        await asyncio.sleep(0)
    assert errands.is_full
    assert not stopping.done()
    answered.set()
    await stopping
    assert done == ["slow"]


async def test_a_stop_ends_pauses(caplog: pytest.LogCaptureFixture) -> None:
    """An errand that waits for its next attempt makes it now."""
    errands, attempts = Errands(), list[bool]()

    async def patient() -> None:
        for _ in range(2):
            attempts.append(errands.is_ending)
            await errands.pause(3600)

    errands.start(patient(), "test")
    await asyncio.sleep(0)
    await errands.finish(60)
    assert attempts == [False, True]
    assert caplog.records == []


async def test_a_pause_has_its_length() -> None:
    """Without a stop, a pause ends by itself."""
    errands = Errands()
    await errands.pause(0.001)
    assert not errands.is_ending


async def test_an_event_ends_a_pause() -> None:
    """The errand that set it goes on at once; the service goes on too."""
    errands, end, other = Errands(), asyncio.Event(), asyncio.Event()
    pausing = asyncio.ensure_future(errands.pause(3600, other, end))
    await asyncio.sleep(0)
    end.set()
    await asyncio.wait_for(pausing, 30)
    assert not errands.is_ending


async def test_what_takes_too_long_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """The service stops in its time, and the log says what was left."""
    errands, cancelled = Errands(), list[bool]()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    errands.start(endless(), "leak report")
    await asyncio.sleep(0)
    await errands.finish(0.01)
    assert cancelled == [True]
    assert "secretsource-leak report was not finished before the service stopped" in caplog.text


async def test_a_stop_without_errands_does_not_wait() -> None:
    """Nothing is under way, so the stop is immediate."""
    errands = Errands()
    await asyncio.wait_for(errands.finish(3600), 5)
    assert errands.is_ending


async def test_an_unexpected_error_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """The text of an error may hold a key."""
    errands = Errands()

    async def broken() -> None:
        raise RuntimeError("canary-7c0e")

    with caplog.at_level(logging.INFO):
        errands.start(broken(), "leak report")
        await errands.finish(60)
    assert "leak report failed: RuntimeError" in caplog.text
    assert "canary" not in caplog.text


async def test_the_number_of_errands_is_bounded() -> None:
    """With `MOST` under way, no further one may begin."""
    errands, answered = Errands(), asyncio.Event()
    for number in range(MOST):
        assert not errands.is_full, number
        errands.start(_wait(answered), "test")
    assert errands.is_full
    answered.set()
    await errands.finish(60)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
