"""What needs a process of its own: forks, and interpreters that end."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

from tests.forks import needs_fork

PRELUDE = """
import os, sys, threading, time
from secretsource import Resolver, get_secret, configure
from secretsource.testing import FakeClock, ScriptedProvider

def in_child(act):
    pid = os.fork()
    if not pid:
        try:
            act()
        except BaseException as error:
            print("child:", type(error).__name__, error, flush=True)
            os._exit(1)
        os._exit(0)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            print("exit", os.waitstatus_to_exitcode(status), flush=True)
            return
        time.sleep(0.005)
    os.kill(pid, 9)
    print("the child hangs", flush=True)
"""


def run(script: str, *flags: str) -> str:
    """What a new interpreter prints; warnings are errors in it."""
    done = subprocess.run(
        [sys.executable, *(flags or ("-W", "error")), "-c", PRELUDE + dedent(script)],
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


# From Python 3.12 on, a fork beside running threads warns; that is what these tests are about.
FORKING = ("-W", "error", "-W", "ignore:This process:DeprecationWarning")


@needs_fork
class TestFork:
    """The child of a warm resolver."""

    def test_it_asks_anew(self) -> None:
        """Entries are stale in the child, clients are reset; the parent goes on as before."""
        out = run(
            """
            provider = ScriptedProvider({"KEY": "one"})
            resolver = Resolver([provider])
            resolver.get("KEY")
            def child():
                provider.answer("KEY", "two")
                assert resolver.get("KEY") == "two", resolver.get("KEY")
                assert (provider.calls, provider.resets) == (2, 1), (provider.calls, provider.resets)
            in_child(child)
            assert resolver.get("KEY") == "one"
            assert (provider.calls, provider.resets) == (1, 0)
            """,
            *FORKING,
        )
        assert out == "exit 0\n"

    def test_an_old_value_still_helps(self) -> None:
        """In an outage the child serves what the parent knew, as stale, and logs that."""
        out = run(
            """
            import logging
            from secretsource.providers.base import Failed, FailureCode
            provider = ScriptedProvider({"KEY": "one"})
            resolver = Resolver([provider])
            resolver.get("KEY")
            logging.basicConfig(stream=sys.stdout, format="%(message)s")
            def child():
                provider.answer("KEY", Failed(FailureCode.UNAVAILABLE))
                secret = resolver.get("KEY")
                assert (secret, secret.served) == ("one", "stale")
            in_child(child)
            """,
            *FORKING,
        )
        assert out == (
            "provider 'scripted' cannot be asked (unavailable): old values are served, until they reach max_stale\n"
            "exit 0\n"
        )

    def test_while_a_flight_is_under_way(self) -> None:
        """The thread that carries it is not in the child, and nobody there waits for it."""
        out = run(
            """
            provider = ScriptedProvider({"KEY": "one"})
            resolver = Resolver([provider], deadline=90)
            with provider.hold() as gate:
                thread = threading.Thread(target=resolver.get, args=["KEY"])
                thread.start()
                gate.entered.wait(30)
                def child():
                    provider._gate = None
                    assert resolver.get("KEY") == "one"  # if it waited, it would be killed before the deadline
                in_child(child)
            thread.join()
            """,
            *FORKING,
        )
        assert out == "exit 0\n"

    def test_while_the_locks_are_held(self) -> None:
        """Locks that other threads held at the moment of the fork do not stop the child."""
        out = run(
            """
            os.environ["KEY"] = "v"
            resolver = Resolver(["env", ScriptedProvider({"OTHER": "o"})], ttl=100, clock=(clock := FakeClock()))
            resolver.get("OTHER")
            from secretsource.resolver._default import default_resolver
            state, background = resolver._engine.state, resolver._engine.background
            held, go_on = threading.Event(), threading.Event()
            def hold():
                with state._lock, background._lock, default_resolver._lock:
                    held.set()
                    go_on.wait(30)
            thread = threading.Thread(target=hold)
            thread.start()
            held.wait(30)
            def child():
                assert get_secret("KEY") == "v"
                assert resolver.get("OTHER") == "o"
                clock.advance(90)
                assert resolver.get("OTHER") == "o"
            in_child(child)
            go_on.set()
            thread.join()
            """,
            *FORKING,
        )
        assert out == "exit 0\n"

    def test_before_it_is_wired(self) -> None:
        """A resolver that nobody has used, or that is closed, has nothing to reset."""
        assert run("resolver = Resolver(['env'])\nin_child(lambda: resolver.get('PATH'))", *FORKING) == "exit 0\n"


class TestThreads:
    """Threads come when they are needed, and hold nothing up."""

    def test_none_before_it_is_needed(self) -> None:
        """Not at import, nor in a constructor, nor for a look-up in the environment."""
        out = run(
            """
            os.environ["KEY"] = "v"
            resolver = Resolver(["env", "dotenv"])
            assert resolver.get("KEY") == get_secret("KEY") == "v"
            print(threading.active_count())
            """
        )
        assert out == "1\n"

    def test_a_hanging_refresh_does_not_hold_up_the_end(self) -> None:
        """The interpreter exits at once while a refresh hangs in its driver."""
        out = run(
            """
            hangs = threading.Event()
            class Hanging(ScriptedProvider):
                def fetch(self, ref, *, timeout):
                    if self.calls:
                        print("hangs", flush=True)
                        hangs.set()
                        time.sleep(600)  # longer than the patience with this process
                    return super().fetch(ref, timeout=timeout)
            clock = FakeClock()
            resolver = Resolver([Hanging({"KEY": "v"})], ttl=100, clock=clock)
            resolver.get("KEY")
            clock.advance(90)
            assert resolver.get("KEY") == "v"
            assert hangs.wait(30)
            assert any(thread.name == "secretsource-refresh" for thread in threading.enumerate())
            """
        )
        assert out == "hangs\n"

    def test_a_look_up_while_the_interpreter_ends(self) -> None:
        """When no thread can be started any more, a value that is due for a refresh is still served."""
        out = run(
            """
            import atexit
            clock = FakeClock()
            resolver = Resolver([ScriptedProvider({"KEY": "v"})], ttl=100, clock=clock)
            resolver.get("KEY")
            clock.advance(90)
            def refuse(thread):
                raise RuntimeError("can't create new thread at interpreter shutdown")
            def last():
                threading.Thread.start = refuse
                print(resolver.get("KEY"), resolver._engine.background.threads, len(resolver._engine.state.flights))
            atexit.register(last)
            """
        )
        assert out == "v 0 0\n"


def test_a_signal_handler_that_asks() -> None:
    """A handler that runs while its own thread holds the lock gets its answer."""
    out = run(
        """
        import signal
        resolver = Resolver([ScriptedProvider({"KEY": "v"})])
        signal.signal(signal.SIGALRM, lambda *_: print(resolver.get("KEY"), flush=True))
        with resolver._engine.state._lock:
            os.kill(os.getpid(), signal.SIGALRM)
            time.sleep(0.01)
        """
    )
    assert out == "v\n"
