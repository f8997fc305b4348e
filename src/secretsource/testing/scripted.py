"""Providers that answer by a script: for tests of the code above a provider.

provider = ScriptedProvider({"TOKEN": ["one", Failed(FailureCode.TIMEOUT), "two"]})
with provider.hold() as gate:            # the next fetches wait
    thread.start()
    gate.entered.wait(1)                 # one has arrived
    assert provider.calls == 1
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from secretsource.providers.base import (
    AsyncProvider,
    BatchProvider,
    Failed,
    FailureCode,
    Found,
    NotFound,
    Provider,
    SecretRef,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from secretsource.providers.base import Outcome

    Line: TypeAlias = Found | NotFound | Failed | str | bytes | Exception
    Script: TypeAlias = Mapping[str | SecretRef, Line | list[Line]]

__all__ = ["Gate", "ScriptedAsyncProvider", "ScriptedBatchProvider", "ScriptedProvider"]


class Gate:
    """A gate that holds calls back until it is opened.

    Attributes:
        entered: Set as soon as one call waits here.
        arrivals: The number of calls that have reached the gate.
    """

    def __init__(self) -> None:
        self.entered = Event()
        self.arrivals = 0
        self._opened = Event()
        self._lock = Lock()
        self._wakers: list[Callable[[], None]] = []

    def open(self) -> None:
        """Let every waiting call go on, and hold no call from now on."""
        with self._lock:
            self._opened.set()
            for wake in self._wakers:
                wake()

    def wait(self, timeout: float) -> bool:
        """Block until the gate opens; return False after ``timeout`` seconds."""
        self._arrive()
        return self._opened.wait(timeout)

    async def await_opening(self, timeout: float) -> bool:
        """Do the same as ``wait``, without blocking the event loop."""
        loop = asyncio.get_running_loop()
        opened = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(opened.set)

        with self._lock:
            self._wakers.append(wake)
        self._arrive()
        try:
            async with asyncio.timeout(timeout):
                return self._opened.is_set() or await opened.wait()
        except TimeoutError:
            return False
        finally:
            with self._lock:  # the gate may outlive this event loop, which must not be woken then
                self._wakers.remove(wake)

    def _arrive(self) -> None:
        with self._lock:
            self.arrivals += 1
        self.entered.set()


class ScriptedProvider(Provider):
    """A provider that answers each location by its script, and records each question.

    A line of the script is an outcome, a text or bytes (short for `Found`), or an exception to raise, as a faulty
    driver would. A list is answered line by line; its last line is repeated. A location without a script is not found.
    A key may be a whole `SecretRef` to script one version or stage; ``stage="previous"`` is the target of ``previous``.

    Args:
        script: Location, or whole reference, to its line or list of lines.
        max_age: The same as `Provider.max_age`.
        follows: The same as `Provider.follows`.

    Attributes:
        refs: Every reference asked for, in order.
        timeouts: The timeout of each question, in seconds.
        discarded: Every reference passed to ``discard``, in order.
        closed: The number of calls of ``close``.
        resets: The number of calls of ``reset``.
    """

    scheme: ClassVar[str] = "scripted"

    def __init__(
        self,
        script: Script | None = None,
        *,
        name: str | None = None,
        max_age: float | None = None,
        follows: bool = False,
    ) -> None:
        super().__init__(name=name)
        self.max_age = max_age
        self.follows = follows
        self.refs: list[SecretRef] = []
        self.timeouts: list[float] = []
        self.discarded: list[SecretRef] = []
        self.closed = 0
        self.resets = 0
        self._lines: dict[str | SecretRef, list[Line]] = {}
        self._gate: Gate | None = None
        self._lock = Lock()
        for place, lines in (script or {}).items():
            self.answer(place, *(lines if isinstance(lines, list) else [lines]))

    @property
    def calls(self) -> int:
        """Return the number of references asked for."""
        return len(self.refs)

    def answer(self, place: str | SecretRef, *lines: Line) -> None:
        """Replace the script of one location or reference; without lines it is no longer found."""
        with self._lock:
            self._lines[place] = list(lines) or [NotFound()]

    @contextmanager
    def hold(self) -> Generator[Gate]:
        """Hold every call at a gate, which opens at the end of the ``with`` block at the latest.

        A call held past its own timeout returns ``Failed(TIMEOUT)``.
        """
        gate = Gate()
        self._gate = gate
        try:
            yield gate
        finally:
            self._gate = None
            gate.open()

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:  # noqa: ARG002 - the script knows
        """Return the reference with ``stage="previous"``, if the script has a line for it."""
        before = ref._replace(stage="previous", version=None)
        return before if before.document in self._lines else None

    def discard(self, ref: SecretRef) -> None:
        """Note that the next fetch must return a new value."""
        self.discarded.append(ref)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Return the next line of the script."""
        self._note(ref, timeout)
        gate = self._gate
        passed = gate is None or gate.wait(timeout)
        return self._next(ref) if passed else _HELD

    def close(self) -> None:
        """Count the call in ``closed``."""
        self.closed += 1

    def reset(self) -> None:
        """Count the call in ``resets``."""
        self.resets += 1

    def _note(self, ref: SecretRef, timeout: float) -> None:
        with self._lock:
            self.refs.append(ref)
            self.timeouts.append(timeout)

    def _next(self, ref: SecretRef) -> Outcome:
        with self._lock:
            lines = self._lines.get(ref.document)
            if lines is None and ref.version is None and ref.stage is None:
                lines = self._lines.get(ref.location)
            line = NotFound() if lines is None else lines.pop(0) if len(lines) > 1 else lines[0]
        if isinstance(line, Exception):
            raise line
        return Found(line) if isinstance(line, (str, bytes)) else line


class ScriptedBatchProvider(ScriptedProvider, BatchProvider):
    """A scripted provider whose service answers several references in one call.

    Attributes:
        batches: The references of every ``fetch_many``, in order.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        name: str | None = None,
        max_age: float | None = None,
        follows: bool = False,
    ) -> None:
        super().__init__(script, name=name, max_age=max_age, follows=follows)
        self.batches: list[tuple[SecretRef, ...]] = []

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        """Return the next line of each reference's script; the gate is passed once."""
        self.batches.append(tuple(refs))
        for ref in refs:
            self._note(ref, timeout)
        gate = self._gate
        passed = gate is None or gate.wait(timeout)
        return {ref: self._next(ref) if passed else _HELD for ref in refs}


class ScriptedAsyncProvider(ScriptedProvider, AsyncProvider):
    """A scripted provider with an asynchronous client.

    Attributes:
        awaited: Every reference asked for through ``afetch``.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        name: str | None = None,
        max_age: float | None = None,
        follows: bool = False,
    ) -> None:
        super().__init__(script, name=name, max_age=max_age, follows=follows)
        self.awaited: list[SecretRef] = []

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Return the next line of the script; the gate holds the task and not the event loop."""
        self.awaited.append(ref)
        self._note(ref, timeout)
        gate = self._gate
        passed = gate is None or await gate.await_opening(timeout)
        return self._next(ref) if passed else _HELD

    async def aclose(self) -> None:
        """Count the call in ``closed``."""
        self.closed += 1


_HELD = Failed(FailureCode.TIMEOUT, "the gate was not opened in time", "open the gate within the timeout")
