"""Scripted providers answer by their script, and keep account."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.testing import ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider

REF = SecretRef("scripted", "TOKEN")
THROTTLED = Failed(FailureCode.THROTTLED)


def value(outcome: object) -> object:
    assert isinstance(outcome, Found), outcome
    return outcome.value


class TestScript:
    """What is answered."""

    def test_lines_in_order_and_the_last_for_ever(self) -> None:
        """A list is answered line by line; its last line stays."""
        provider = ScriptedProvider({"TOKEN": ["one", THROTTLED, Found("two", version="2")]})
        assert value(provider.fetch(REF, timeout=1)) == "one"
        assert provider.fetch(REF, timeout=1) is THROTTLED
        assert [value(provider.fetch(REF, timeout=1)) for _ in range(2)] == ["two", "two"]

    def test_a_single_line(self) -> None:
        """One outcome, text or bytes needs no list."""
        provider = ScriptedProvider({"TOKEN": b"\xff", "OTHER": NotFound("gone")})
        assert value(provider.fetch(REF, timeout=1)) == b"\xff"
        assert provider.fetch(SecretRef("scripted", "OTHER"), timeout=1) == NotFound("gone")

    def test_what_is_not_in_it_is_not_found(self) -> None:
        """A location without a script is not there."""
        assert isinstance(ScriptedProvider().fetch(REF, timeout=1), NotFound)

    def test_an_exception_is_raised(self) -> None:
        """A line may be the exception that a faulty driver lets through."""
        provider = ScriptedProvider({"TOKEN": [OSError("bug"), "there"]})
        with pytest.raises(OSError, match="bug"):
            provider.fetch(REF, timeout=1)
        assert value(provider.fetch(REF, timeout=1)) == "there"

    def test_the_answer_can_change(self) -> None:
        """A test may replace the script of one location at any time, or end it."""
        provider = ScriptedProvider({"TOKEN": "old"})
        provider.answer("TOKEN", "new")
        assert value(provider.fetch(REF, timeout=1)) == "new"
        provider.answer("TOKEN")
        assert isinstance(provider.fetch(REF, timeout=1), NotFound)

    def test_versions_and_stages_have_scripts_of_their_own(self) -> None:
        """A whole reference is a key too; one with a version does not fall back to the location."""
        previous = REF._replace(stage="previous")
        provider = ScriptedProvider({"TOKEN": "new", previous: "old"})
        assert value(provider.fetch(previous, timeout=1)) == "old"
        assert isinstance(provider.fetch(REF._replace(version="1"), timeout=1), NotFound)

    def test_the_field_is_the_resolvers(self) -> None:
        """A reference with a field is answered as its document."""
        provider = ScriptedProvider({REF: '{"user": "app"}'})
        assert value(provider.fetch(REF._replace(field="user"), timeout=1)) == '{"user": "app"}'

    def test_previous_is_what_is_scripted(self) -> None:
        """``previous`` points at the stage of that name, if the script has it."""
        previous = REF._replace(stage="previous")
        assert ScriptedProvider({previous: "old"}).previous(REF, Found("new")) == previous
        assert ScriptedProvider({"TOKEN": "new"}).previous(REF, Found("new")) is None


class TestAccount:
    """What is kept account of."""

    def test_references_and_timeouts(self) -> None:
        """Every call is noted, in order."""
        provider = ScriptedProvider({"TOKEN": "there"})
        other = SecretRef("scripted", "OTHER")
        provider.fetch(REF, timeout=1)
        provider.fetch(other, timeout=2)
        assert provider.calls == 2
        assert provider.refs == [REF, other]
        assert provider.timeouts == [1, 2]

    def test_closing_and_resetting(self) -> None:
        """The resolver's care for its providers can be counted."""
        provider = ScriptedProvider()
        provider.close()
        provider.reset()
        provider.reset()
        assert (provider.closed, provider.resets) == (1, 2)

    def test_settings(self) -> None:
        """It can stand in for a provider with another name, age, and values that point elsewhere."""
        provider = ScriptedProvider(name="aws", max_age=0, follows=True)
        assert (provider.name, provider.max_age, provider.follows) == ("aws", 0, True)


class TestGate:
    """Calls can be held, to see what happens meanwhile."""

    def test_held_until_opened(self) -> None:
        """Calls wait at the gate, and go on when it opens."""
        provider = ScriptedProvider({"TOKEN": "there"})
        with ThreadPoolExecutor(1) as thread, provider.hold() as gate:
            call = thread.submit(provider.fetch, REF, timeout=5)
            assert gate.entered.wait(30)
            assert gate.arrivals == 1
            assert not call.done()
            gate.open()
            assert value(call.result(30)) == "there"

    def test_opened_at_the_end(self) -> None:
        """The end of the block opens the gate, and later calls are not held."""
        provider = ScriptedProvider({"TOKEN": "there"})
        with ThreadPoolExecutor(1) as thread:
            with provider.hold() as gate:
                call = thread.submit(provider.fetch, REF, timeout=5)
                assert gate.entered.wait(30)
            assert value(call.result(30)) == "there"
        assert value(provider.fetch(REF, timeout=0)) == "there"
        assert gate.arrivals == 1

    def test_held_too_long(self) -> None:
        """Past its timeout a held call has timed out, and its line of the script is not used up."""
        provider = ScriptedProvider({"TOKEN": ["one", "two"]})
        with provider.hold():
            outcome = provider.fetch(REF, timeout=0.01)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.TIMEOUT
        assert value(provider.fetch(REF, timeout=1)) == "one"


class TestBatch:
    """Several references in one call."""

    def test_each_has_its_own_line(self) -> None:
        """A batch is one call of several references, each with its own outcome."""
        provider = ScriptedBatchProvider({"TOKEN": "there", "OTHER": THROTTLED})
        other, absent = SecretRef("scripted", "OTHER"), SecretRef("scripted", "ABSENT")
        answers = provider.fetch_many([REF, other, absent], timeout=2)
        assert value(answers[REF]) == "there"
        assert answers[other] is THROTTLED
        assert isinstance(answers[absent], NotFound)
        assert provider.batches == [(REF, other, absent)]
        assert provider.calls == 3
        assert provider.timeouts == [2, 2, 2]

    def test_held_once_for_all(self) -> None:
        """A batch waits at the gate once; past its timeout all have timed out."""
        provider = ScriptedBatchProvider({"TOKEN": "there"})
        other = SecretRef("scripted", "OTHER")
        with provider.hold() as gate:
            answers = provider.fetch_many([REF, other], timeout=0.01)
        assert gate.arrivals == 1
        codes = [outcome.code for outcome in answers.values() if isinstance(outcome, Failed)]
        assert codes == [FailureCode.TIMEOUT] * 2


class TestAsync:
    """The same, without blocking the event loop."""

    async def test_lines(self) -> None:
        """Both paths read from the same script; the asynchronous ones are also noted by themselves."""
        provider = ScriptedAsyncProvider({"TOKEN": ["one", "two"]})
        assert value(await provider.afetch(REF, timeout=1)) == "one"
        assert value(provider.fetch(REF, timeout=1)) == "two"
        assert provider.awaited == [REF]
        assert provider.calls == 2
        await provider.aclose()
        assert provider.closed == 1

    async def test_held_until_opened(self) -> None:
        """The task waits, the loop does not; the gate may be opened from another thread."""
        provider = ScriptedAsyncProvider({"TOKEN": "there"})
        with provider.hold() as gate:
            tasks = [asyncio.create_task(provider.afetch(REF, timeout=5)) for _ in range(2)]
            while gate.arrivals < 2:
                await asyncio.sleep(0)
            assert not any(task.done() for task in tasks)
            await asyncio.to_thread(gate.open)
            assert [value(outcome) for outcome in await asyncio.gather(*tasks)] == ["there", "there"]
            assert value(await provider.afetch(REF, timeout=0)) == "there"

    async def test_held_too_long(self) -> None:
        """Past its timeout a held task has timed out."""
        provider = ScriptedAsyncProvider({"TOKEN": "there"})
        with provider.hold():
            outcome = await provider.afetch(REF, timeout=0.01)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.TIMEOUT

    async def test_cancelled_while_held(self) -> None:
        """A held task can be cancelled, and opening the gate afterwards disturbs nothing."""
        provider = ScriptedAsyncProvider({"TOKEN": "there"})
        with provider.hold() as gate:
            task = asyncio.create_task(provider.afetch(REF, timeout=5))
            while not gate.entered.is_set():
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert value(await provider.afetch(REF, timeout=1)) == "there"

    def test_opened_after_its_loop_has_ended(self) -> None:
        """A gate that outlives a task's event loop opens all the same."""
        provider = ScriptedAsyncProvider({"TOKEN": "there"})
        with provider.hold() as gate:
            asyncio.run(provider.afetch(REF, timeout=0.01))
        assert gate.arrivals == 1
