"""Look-ups that wait in threads: a bounded number of them, and of those in line."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import is_right_in_child, needs_fork

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import NO_SCOPE, Admission, Admitted
from secretsource.issuing._http import pool as pools
from secretsource.issuing._http.pool import LookupPool, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys


async def test_a_call_is_made_in_a_thread_of_the_pool() -> None:
    """And answers, or raises, where it is waited for."""
    pool = LookupPool(2)
    assert (await pool.call(lambda: threading.current_thread().name)).startswith("secretsource-lookup")
    with pytest.raises(ZeroDivisionError):
        await pool.call(lambda: 1 // 0)


async def test_a_full_pool_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is in line is served once there is a thread again."""
    monkeypatch.setattr(pools, "WAITING", 2)
    pool, go, began = LookupPool(1), threading.Event(), threading.Semaphore(0)

    def wait() -> bool:
        began.release()
        return go.wait(30)

    waiting = [asyncio.ensure_future(pool.call(wait)) for _ in range(3)]
    assert await asyncio.to_thread(began.acquire, timeout=10)
    with pytest.raises(Overloaded):
        await pool.call(wait)
    go.set()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await pool.call(wait)


async def test_nobody_waits_for_a_thread_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was not begun in time is never made; one that was begun is waited for."""
    monkeypatch.setattr(pools, "PATIENCE", 0.01)
    pool, go, made = LookupPool(1), threading.Event(), list[str]()
    first = asyncio.ensure_future(pool.call(lambda: made.append("first") if go.wait(30) else None))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await pool.call(lambda: made.append("second"))
    go.set()
    await first
    assert await pool.call(lambda: list(made)) == ["first"]


async def test_a_request_that_is_given_up_leaves_the_line() -> None:
    """Its call is not made for nobody."""
    pool, go, made = LookupPool(1), threading.Event(), list[str]()
    first = asyncio.ensure_future(pool.call(lambda: go.wait(30)))
    second = asyncio.ensure_future(pool.call(lambda: made.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait({second})
    go.set()
    await first
    assert await pool.call(lambda: list(made)) == []


@pytest.mark.parametrize("fails", [False, True])
async def test_an_answer_that_nobody_waits_for_is_passed_on(fails: bool) -> None:
    """In a thread, once the call is done; an error is not."""
    pool, go, began, heard = LookupPool(1), threading.Event(), threading.Event(), list[object]()

    def answer() -> str:
        began.set()
        assert go.wait(30)
        assert not fails
        return threading.current_thread().name

    call = asyncio.ensure_future(pool.call(answer, heard.append))
    assert await asyncio.to_thread(began.wait, 30)
    call.cancel()
    await asyncio.wait({call})
    go.set()
    for _ in range(2):  # by the only thread: after the call, and after what was passed on
        await pool.call(lambda: None)
    assert len(heard) == (0 if fails else 1)


async def test_a_request_that_is_given_up_holds_no_place(make_keys: Callable[..., ApiKeys], store: Any) -> None:
    """The thread lets it in when nobody waits any more, and its place is free for the next one."""
    keys = make_keys()
    key = keys.issue(owner="acme", rate_limit="1 at once").plaintext
    admission, go, began, released = Admission(keys, scope=NO_SCOPE), *(threading.Event() for _ in range(3))
    peek, release = store.peek, keys.release

    def slow(key_id: str) -> Any:
        began.set()
        assert go.wait(30)
        return peek(key_id)

    def note(verdict: Any) -> bool:
        try:
            return release(verdict)
        finally:
            released.set()

    store.peek, keys.release = slow, note  # type: ignore[method-assign]
    asked = {"X-API-Key": key}, None, "GET", "/"
    request = asyncio.ensure_future(admission.aadmit(*asked))
    assert await asyncio.to_thread(began.wait, 30)
    request.cancel()
    await asyncio.wait({request})
    go.set()
    assert await asyncio.to_thread(released.wait, 30)
    assert isinstance(await admission.aadmit(*asked), Admitted)


async def test_no_threads_left_is_a_full_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not an error of the program."""
    pool = LookupPool(1)

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", fail)
        with pytest.raises(Overloaded):
            await pool.call(lambda: 1)
    assert await pool.call(lambda: 1) == 1


@needs_fork
def test_a_forked_child_has_threads_of_its_own() -> None:
    """Those of its parent are not there."""
    pool = LookupPool(1)
    assert asyncio.run(pool.call(lambda: 1)) == 1
    assert is_right_in_child(lambda: asyncio.run(pool.call(lambda: 2)) == 2)


@pytest.mark.parametrize("threads", [0, -1, 1001, 1.5, "4", None])
def test_the_number_of_threads_has_a_range(threads: Any) -> None:
    """Found at the start."""
    with pytest.raises(ConfigurationError, match="lookups must be"):
        LookupPool(threads)
