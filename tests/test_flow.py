"""One logic in two shells: a flow is sent what came of each step, in a thread and in a task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource._ground.flow import arun, run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from secretsource._ground.flow import Flow

    Shell = Callable[..., Any]


def in_thread(flow: Flow[Any], perform: Callable[[Any], Any]) -> Any:
    return run(flow, perform)


def in_task(flow: Flow[Any], perform: Callable[[Any], Any]) -> Any:
    async def performed(step: Any) -> Any:
        await asyncio.sleep(0)
        return perform(step)

    return asyncio.run(arun(flow, performed))


shells = pytest.mark.parametrize("shell", [in_thread, in_task])


def sums(*steps: int) -> Generator[int, int, int]:
    total = 0
    for step in steps:
        total += yield step
    return total


def cautious(seen: list[str]) -> Generator[str, str, str]:
    try:
        return (yield "first")
    except ValueError:
        seen.append("went another way")
        return (yield "second")
    finally:
        seen.append("cleaned up")


@shells
def test_each_step_is_performed(shell: Shell) -> None:
    """A flow is sent what its step was performed to, and its result is returned."""
    assert shell(sums(1, 2, 3), lambda step: step * 10) == 60
    assert shell(sums(), lambda step: step) == 0


@shells
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_fails_is_raised_where_the_flow_waits(shell: Shell, error: type[BaseException]) -> None:
    """The flow cleans up, and the caller gets the error, also one that is no `Exception`."""
    seen: list[str] = []

    def perform(step: str) -> str:
        raise error

    with pytest.raises(error):
        shell(cautious(seen), perform)
    assert seen == ["cleaned up"]


@shells
def test_a_flow_goes_another_way(shell: Shell) -> None:
    """A flow that catches the error is asked for its next step."""
    seen: list[str] = []

    def perform(step: str) -> str:
        if step == "first":
            raise ValueError
        return step

    assert shell(cautious(seen), perform) == "second"
    assert seen == ["went another way", "cleaned up"]


def test_a_cancellation_is_raised_where_the_flow_waits() -> None:
    """A task that is cancelled lets its flow clean up."""
    seen: list[str] = []

    async def forever(step: str) -> str:
        await asyncio.Event().wait()
        return step

    async def cancelled() -> None:
        task = asyncio.create_task(arun(cautious(seen), forever))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert seen == ["cleaned up"]


def test_a_step_may_be_its_own_answer() -> None:
    """Without anybody to perform it, a step is the answer, or an awaitable of it."""

    async def later(value: int) -> int:
        return value

    def mixed() -> Generator[Any, Any, int]:
        return (yield 1) + (yield later(2))

    assert run(sums(1, 2)) == 3
    assert asyncio.run(arun(mixed())) == 3
