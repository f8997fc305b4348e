"""The shells of the resolver under one face, so that a test of what both promise is written once."""

from __future__ import annotations

import asyncio
import time
from threading import Event
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from secretsource import AsyncResolver, Resolver
from secretsource.testing import FakeClock, ScriptedAsyncProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretsource import Secret
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent

__all__ = ["Shell", "ShellKind", "clock", "kind", "new_shell"]

PATIENCE = 30.0
"""Seconds after which something that should have happened by itself has not."""

ASKING = ("get", "get_many", "get_set", "prefetch", "reject", "explain", "close")


class Shell:
    """A resolver of either kind; what its methods return has been awaited.

    Attributes:
        resolver: The resolver itself.
        engine: What it stands on.
    """

    def __init__(self, resolver: Resolver | AsyncResolver) -> None:
        self.resolver = resolver
        self.engine: Engine = resolver._engine if isinstance(resolver, Resolver) else resolver._resolver._engine
        self._runner = asyncio.Runner() if isinstance(resolver, AsyncResolver) else None

    def get(self, name: Any, **how: Any) -> Any:
        return self._await(self.resolver.get(name, **how))

    def get_many(self, names: Any, **how: Any) -> Any:
        return self._await(self.resolver.get_many(names, **how))

    def get_set(self, name: str, **how: Any) -> Any:
        return self._await(self.resolver.get_set(name, **how))

    def load(self, kind: Any) -> Any:
        return self._await(self.resolver.load(kind))

    def prefetch(self, names: Any) -> None:
        self._await(self.resolver.prefetch(names))

    def reject(self, secret: Secret) -> Any:
        return self._await(self.resolver.reject(secret))

    def explain(self, name: str, **how: Any) -> Any:
        return self._await(self.resolver.explain(name, **how))

    def invalidate(self, name: str, version: str | None = None) -> None:
        self.resolver.invalidate(name, version)

    def on_rotate(self, callback: Callable[[RotationEvent], object]) -> Callable[[], None]:
        return self.resolver.on_rotate(callback)

    def on_event(self, callback: Callable[[SecretEvent], object]) -> Callable[[], None]:
        return self.resolver.on_event(callback)

    def close(self) -> None:
        self._await(self.resolver.close())

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what happens in the background."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "it has not happened"
            if self._runner is None:
                time.sleep(0.001)
            else:
                self._runner.run(asyncio.sleep(0.001))

    def landed(self) -> None:
        """Wait until no flight is under way."""
        self.until(lambda: not self.engine.state.flights)

    def pass_time(self, clock: FakeClock, seconds: float) -> None:
        """Move the clock from within a driver's call, after the reader has begun to wait for that call.

        A driver's thread may be quicker than the task that waits for it, which would then find its time over at once.
        """
        if self._runner is not None and not _is_on_a_loop():
            waits = Event()
            self._runner.get_loop().call_soon_threadsafe(waits.set)  # runs when the task has given the loop back
            assert waits.wait(PATIENCE), "the event loop does not turn"
        clock.advance(seconds)

    def end(self) -> None:
        """Close the resolver and the event loop."""
        self.close()
        if self._runner is not None:
            self._runner.close()

    def _await(self, answer: Any) -> Any:
        return answer if self._runner is None else self._runner.run(answer)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class ShellKind:
    """One shell, with the kind of provider it is given.

    Attributes:
        provider: Makes a scripted provider.
    """

    def __init__(self, resolver: type[Resolver | AsyncResolver], provider: type[ScriptedProvider]) -> None:
        self.resolver = resolver
        self.provider = provider


NewShell: TypeAlias = "Callable[..., Shell]"

KINDS = {
    "threads": ShellKind(Resolver, ScriptedProvider),
    "tasks": ShellKind(AsyncResolver, ScriptedProvider),
    "native tasks": ShellKind(AsyncResolver, ScriptedAsyncProvider),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> ShellKind:
    """Each shell in turn: threads; tasks over a driver for threads; tasks over a driver for tasks."""
    return KINDS[request.param]


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def new_shell(kind: ShellKind, clock: FakeClock) -> Iterator[NewShell]:
    """Makes resolvers without jitter on the test's clock, and closes them in the end."""
    made: list[Shell] = []

    def new(*providers: Any, **numbers: Any) -> Shell:
        given: dict[str, Any] = {"jitter": 0, "clock": clock, **numbers}
        shell = Shell(kind.resolver(list(providers), **given))
        made.append(shell)
        return shell

    yield new
    for shell in made:
        shell.end()
