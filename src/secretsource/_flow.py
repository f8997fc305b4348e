"""One logic, two shells: a flow is a generator that yields what a store or limiter answered, and is sent the result.

``record = yield store.get(key_id)`` reads the same whether ``get`` answers at once or gives an awaitable: `run` sends
back what came, `arun` awaits it first. The logic is written once, and neither shell hides the other.
"""

from __future__ import annotations

from typing import Any, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeAlias

    Flow: TypeAlias = "Generator[Any, Any, R]"

R = TypeVar("R")


def here(function: Callable[..., R], *args: Any) -> R:
    """Call a function that takes long where nobody else is held up; `asyncio.to_thread` is its twin."""
    return function(*args)


def run(flow: Flow[R]) -> R:
    """Run a flow over a store for threads."""
    answer: Any = None
    while True:
        try:
            answer = flow.send(answer)
        except StopIteration as stop:
            result: R = stop.value
            return result


async def arun(flow: Flow[R]) -> R:
    """Run a flow over a store for an event loop; an error or a cancellation is raised where the flow waits."""
    try:
        answer: Any = flow.send(None)
        while True:
            if hasattr(answer, "__await__"):
                try:
                    answer = await answer
                except BaseException as error:
                    answer = flow.throw(error)
                    continue
            answer = flow.send(answer)
    except StopIteration as stop:
        result: R = stop.value
        return result
