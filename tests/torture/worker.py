"""One of the processes: ``python -m tests.torture.worker SETTINGS``; it works until its standard input ends."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.torture import judgement
from tests.torture.ledger import ISSUED, REVOKED, ROTATED, USED, WRONG, Ledger

from secretsource.exceptions import SecretSourceError, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing._manage.request import KeyRequest

PEPPER = "a pepper of the tests, long enough"
THREADS = 2
"""Threads of a process that change keys, beside the one that forks."""
CHILDREN = 3
"""Forked children that a process lets run at a time."""
LOOKS = 8
"""Keys that are looked at each time."""


class Settings(NamedTuple):
    """How a process is to work.

    Attributes:
        url: Of the store.
        ledger: The path of the ledger.
        seed: Of what it chooses.
        patience: Seconds after which a forked child that has not ended hangs.
    """

    url: str
    ledger: str
    seed: int
    patience: float


class Process:
    """What the threads of a process share.

    Args:
        settings: How.

    Attributes:
        keys: What is used by all of them, and closed and opened again under them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = self.opened()
        self.children: list[int] = []
        self.is_child = False

    def opened(self) -> ApiKeys:
        """The keys of the store, as a service opens them."""
        return ApiKeys.open(self.settings.url, peppers=[PEPPER], ttl=0.5, flush_every=0.2)


class Hand:
    """One thread: it does one deed after another, and notes what was confirmed.

    Args:
        process: What it shares.
        seed: Of what it chooses.
        ledger: The ledger as it was read until now; None to read it from its beginning.
    """

    def __init__(self, process: Process, seed: str, ledger: Ledger | None = None) -> None:
        self._process = process
        self._random = random.Random(seed)
        self._ledger = ledger or Ledger(Path(process.settings.ledger))

    def do(self, *more: tuple[Callable[[], None], float]) -> None:
        """One deed, by chance; what must not happen is written down.

        Args:
            more: What only this thread does, with its weight.
        """
        deeds = [
            (self._issue, 3.0), (self._revoke, 3.0), (self._rotate, 2.0), (self._look, 6.0), (self._flush, 2.0),
            (self._close, 0.3), *more,
        ]  # fmt: skip
        deed = self._random.choices([deed for deed, _ in deeds], [weight for _, weight in deeds])[0]
        try:
            deed()
        except StoreError as error:
            self._ledger.write(WRONG if judgement.is_fault(error) else "put off", str(error)[-60:])
        except SecretSourceError:
            self._ledger.write("too late")  # another process was quicker
        except Exception as error:
            self._ledger.write(WRONG, repr(error))

    def _issue(self) -> None:
        request: KeyRequest = {"owner": "customer"}
        for each in self._process.keys.issue_many([request] * self._random.randint(1, 3)):
            self._ledger.write(ISSUED, each.record.key_id, each.plaintext)

    def _revoke(self) -> None:
        key_id = self._one()
        self._process.keys.revoke(key_id)
        self._ledger.write(REVOKED, key_id)

    def _rotate(self) -> None:
        key_id = self._one()
        rotated = self._process.keys.rotate(key_id, overlap=3600)
        self._ledger.write(ROTATED, key_id, rotated.successor.key_id, rotated.plaintext)

    def _flush(self) -> None:
        """Use a key, and see to it that the use is stored."""
        key_id, before = self._one(), time.time()
        text = self._ledger.claims[key_id].text
        keys = self._process.keys
        if text is not None and keys.check(text, scope=NO_SCOPE):
            keys.flush()
            self._ledger.write(USED, key_id, before)

    def _look(self) -> None:
        """Look at what was confirmed, of late and ever."""
        claims = dict(self._ledger.read())
        chosen = {*self._ledger.recent(LOOKS // 2), *self._random.choices(list(claims) or [""], k=LOOKS // 2)} - {""}
        for key_id in chosen:
            for complaint in judgement.lost(self._process.keys, key_id, claims[key_id]):
                self._ledger.write(WRONG, complaint)
        self._ledger.write("look")

    def _close(self) -> None:
        self._process.keys.close()
        if self._random.random() < 0.5:
            self._process.keys = self._process.opened()
        self._ledger.write("close")

    def command(self) -> None:
        """Let a command revoke a key, or list some."""
        key_id = self._one()
        what = ["revoke", key_id] if self._random.random() < 0.5 else ["list", "--limit", "10"]
        run = subprocess.run(
            [sys.executable, "-m", "secretsource", "keys", *what],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "SECRETSOURCE_STORE": self._process.settings.url},
        )  # fmt: skip
        if run.returncode == 0 and what[0] == "revoke":
            self._ledger.write(REVOKED, key_id)
        self._ledger.write("command" if run.returncode == 0 else "failed command", run.stderr[-300:])

    def fork(self) -> None:
        """Fork a child that goes on with the same keys, and leaves in one way or another."""
        process = self._process
        process.children = [child for child in process.children if not self._has_ended(child, os.WNOHANG)]
        if len(process.children) >= CHILDREN or process.is_child:
            return
        seed = str(self._random.random())
        child = os.fork()
        if child == 0:
            _be_a_child(process, seed, self._ledger)
        self._ledger.write("fork")
        process.children.append(child)

    def wait(self) -> None:
        """Wait for every child."""
        for child in self._process.children:
            self._has_ended(child, 0)
        self._process.children = []

    def _has_ended(self, child: int, options: int) -> bool:
        ended, status = os.waitpid(child, options)
        code = os.waitstatus_to_exitcode(status) if ended else 0
        if code not in (0, -signal.SIGKILL):
            self._ledger.write(WRONG, f"a child ended with {code}")
        return bool(ended)

    def _one(self) -> str:
        """A key that is likely to be alive."""
        claims = self._ledger.read()
        alive = [key_id for key_id in self._ledger.recent(200) if not claims[key_id].revoked]
        if not alive:
            self._issue()
            return self._one()
        return self._random.choice(alive)


def _be_a_child(process: Process, seed: str, ledger: Ledger) -> None:
    code = 1
    try:
        faulthandler.dump_traceback_later(process.settings.patience, exit=True)  # which says where it hangs
        process.is_child = True
        hand = Hand(process, seed, ledger)
        for _ in range(hand._random.randint(1, 6)):
            hand.do()
        way = hand._random.random()
        if way < 0.3:
            os.kill(os.getpid(), signal.SIGKILL)
        if way < 0.6:
            process.keys.close()
        code = 0
    finally:
        os._exit(code)


def main(written: str) -> None:
    """Work until there is nobody who wants it."""
    logging.disable()
    settings = Settings(*json.loads(written))
    process, stop = Process(settings), threading.Event()

    def work(number: int) -> None:
        hand = Hand(process, f"{settings.seed} {number}")
        while not stop.is_set():
            hand.do((hand.command, 0.4))

    threads = [threading.Thread(target=work, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()

    def end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=end, daemon=True).start()
    hand = Hand(process, f"{settings.seed} forks")
    while not stop.is_set():
        hand.do((hand.fork, 4.0))
    for thread in threads:
        thread.join()
    hand.wait()
    process.keys.close()


if __name__ == "__main__":
    main(sys.argv[1])
