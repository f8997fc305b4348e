"""One logic, two shells: a flow is a generator that yields each step that it cannot take itself, and is sent what came.

`run` has a step performed while a thread waits, `arun` while an event loop goes on. The flow is written once, and
neither shell hides the other. An error is raised where the flow waits, so that it may clean up or go another way.

Where a flow yields what a store answered, ``record = yield store.get(key_id)``, it needs nobody to perform its steps:
``get`` has answered already, or gave an awaitable.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeAlias, TypeVar

    R = TypeVar("R")
    Flow: TypeAlias = Generator[Any, Any, R]

__all__ = ["arun", "here", "run"]


def here(function: Callable[..., R], *args: Any) -> R:
    """Call a function that takes long in this thread; `asyncio.to_thread` is its twin."""
    return function(*args)


def given(step: Any) -> Any:
    """Take a step that is its own answer."""
    return step


def run(flow: Flow[R], perform: Callable[[Any], object] = given) -> R:
    """Run a flow in this thread.

    Args:
        flow: The flow to run, from its beginning.
        perform: Takes one step, and returns what the flow is sent for it.

    Returns:
        The result of the flow.
    """
    try:
        step = next(flow)
        while True:
            try:
                answer = perform(step)
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as stop:
        result: R = stop.value
        return result


async def arun(flow: Flow[R], perform: Callable[[Any], object] = given) -> R:
    """Run a flow in a task, as `run` does in a thread; a cancellation is raised where the flow waits, too.

    Args:
        flow: The flow to run, from its beginning.
        perform: Takes one step, and returns what the flow is sent for it, or an awaitable of that.

    Returns:
        The result of the flow.
    """
    try:
        step = next(flow)
        while True:
            try:
                answer: Any = perform(step)
                if hasattr(answer, "__await__"):
                    answer = await answer
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(answer)
    except StopIteration as stop:
        result: R = stop.value
        return result
