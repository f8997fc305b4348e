"""No test hangs the run: each has a limit, and the one that reaches it fails alone and shows where it hangs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

TREE = Path(__file__).parents[2]
PATIENCE = 100

MODULE = """
    import threading

    def test_takes_a_lock_that_another_thread_keeps():
        lock, taken, done = threading.Lock(), threading.Event(), threading.Event()

        def the_thread_that_keeps_it():
            with lock:
                taken.set()
                done.wait()

        keeper = threading.Thread(target=the_thread_that_keeps_it)
        keeper.start()
        assert taken.wait(30)
        try:
            lock.acquire()
        finally:
            done.set()
            keeper.join()

    async def test_waits_for_what_never_comes():
        import asyncio
        await asyncio.Event().wait()

    def test_after_them():
        pass
"""


def outcome(module: Path, *options: str) -> str:
    """What a run of one module with the settings of this project prints."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(TREE / "pyproject.toml"),
            "--rootdir", str(module.parent), *options, str(module),
        ],
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=module.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TREE), os.environ.get("PYTHONPATH", "")])},
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_test_that_hangs_fails_alone(tmp_path: Path) -> None:
    """In threads and on an event loop; the stacks of all threads are shown, and the next test runs."""
    module = tmp_path / "test_hangs.py"
    module.write_text(dedent(MODULE))
    printed = outcome(module, "--timeout=5")  # by then a busy machine, too, has reached where it hangs
    assert "2 failed, 1 passed" in printed
    assert len(re.findall(r"Failed: Timeout \(>5\.0s\)", printed)) >= 2
    assert "lock.acquire()" in printed
    assert "in the_thread_that_keeps_it" in printed


LONG = """
    import signal
    import threading
    import pytest

    @pytest.mark.timeout({limit})
    def test_that_hears_no_signal():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        threading.Event().wait({seconds})
"""


@pytest.mark.parametrize(("limit", "ends"), [(2, True), (90, False)])
def test_the_process_of_a_long_test_ends_after_its_own_limit(tmp_path: Path, limit: int, ends: bool) -> None:
    """Not at the time that is meant for tests without a limit of their own: that would cut off all others, too."""
    module, house = tmp_path / "test_long.py", (TREE / "tests" / "conftest.py").read_text()
    module.write_text(dedent(LONG.format(limit=limit, seconds=60 if ends else 4)))
    (tmp_path / "conftest.py").write_text(house)
    printed = outcome(module, "-o", "timeout=1", "-o", "faulthandler_timeout=2")
    assert ("Timeout (0:00:03)!" in printed) is ends
    assert ("1 passed" in printed) is not ends


def test_every_test_has_a_limit(request: pytest.FixtureRequest) -> None:
    """Without asking for one; where no signal is heard, the process ends a little later."""
    limit = float(request.config.getini("timeout"))
    assert 0 < limit <= 120
    assert limit < float(request.config.getini("faulthandler_timeout")) <= 300
    assert request.config.getini("faulthandler_exit_on_timeout")


def test_a_test_that_sets_the_timer_of_the_system_is_limited_by_a_thread() -> None:
    """The timer is what limits tests; a test that sets it would be without a limit."""
    name = "set" + "itimer"
    modules = [path for path in (TREE / "tests").rglob("*.py") if name in path.read_text()]
    assert modules
    assert [path for path in modules if 'timeout(60, method="thread")' not in path.read_text()] == []
