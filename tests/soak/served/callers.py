"""The callers of a service: threads that issue, check and revoke keys over HTTP, and write down what they are told."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.soak.served.ledger import Key, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.soak.served.ledger import Ledger

CUT = (ConnectionError, http.client.HTTPException, OSError)
"""Errors of a connection that ended with the process behind it."""
LIVING = 60
"""Keys that are there at a time before one is revoked for each that is issued."""


class Caller:
    """One caller with a connection of its own, which it opens again when it is cut.

    Args:
        port: The port of the service.
        root: The root key.
        ledger: The place to write down what it is told.
        seed: The seed of its choices.
    """

    def __init__(self, port: int, root: str, ledger: Ledger, seed: int) -> None:
        self._port, self._root, self._ledger = port, root, ledger
        self._connection: http.client.HTTPConnection | None = None
        self.choice = random.Random(seed)

    def ask(self, method: str, path: str, document: object = None, **headers: str) -> tuple[int, Any]:
        """Send a request once; a status of 0 means that the connection was cut, so nobody knows what came of it."""
        sent = {"Authorization": f"Bearer {self._root}", "Content-Type": "application/json"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            self._connection.request(method, path, None if document is None else json.dumps(document), sent)
            answer = self._connection.getresponse()
            body = answer.read()
        except CUT:
            self.close()
            self._ledger.cut.append(time.monotonic())
            return 0, None
        if answer.status >= 500:
            self._ledger.failures.append((time.monotonic(), answer.status, f"{method} {path.partition('?')[0]}"))
        return answer.status, json.loads(body or b"null")

    def until(self, good: set[int], *request: Any, **headers: str) -> Any:
        """Repeat a request until it is answered with one of some statuses; return the document."""
        while True:
            status, document = self.ask(*request, **headers)
            if status in good:
                return document
            assert status in {0, 409, 503}, (status, document)
            time.sleep(0.02)

    def issue(self, token: str) -> None:
        """Issue a key by a token, and once more by the same: the first text that arrives counts."""
        body = {"owner": "acme", "name": token, "scopes": ["orders:read"]}
        for _ in range(2):
            document = self.until({200, 201}, "POST", "/v1/keys", body, idempotency_key=token)
            self._ledger.tokens[token].add(document["key_id"])
            if document["key"] is not None:
                self._ledger.texts[token].append(document["key"])
                self._ledger.keys.append(Key(document["key_id"], document["key"]))

    def rotate(self, key: Key) -> None:
        """Rotate a key, and once more: the first text that arrives counts. A key that was revoked meanwhile stays."""
        for _ in range(2):
            document = self.until({200, 201, 409}, "POST", f"/v1/keys/{key.key_id}:rotate", {"overlap": 3600})
            if "rotated" not in document:
                return
            token = f"after {key.key_id}"
            self._ledger.tokens[token].add(document["key_id"])
            if document["key"] is not None:
                self._ledger.texts[token].append(document["key"])
                self._ledger.keys.append(Key(document["key_id"], document["key"]))
        self._ledger.rotated.append(key.key_id)

    def suspend(self, owner: str) -> None:
        """Suspend an owner, and resume it."""
        self.until({200}, "PUT", f"/v1/owners/{owner}", {})
        self.until({200}, "POST", f"/v1/owners/{owner}:suspend", {})
        self._ledger.suspended.append(owner)
        self.until({200}, "POST", f"/v1/owners/{owner}:resume", {})

    def revoke(self, key: Key) -> None:
        """Revoke a key, until that is answered."""
        key.revoking = time.monotonic()
        self.until({200}, "POST", f"/v1/keys/{key.key_id}:revoke", {})
        key.revoked = time.monotonic()

    def verify(self, key: Key) -> None:
        """Ask for the verdict on a key, in one of both ways."""
        asked = time.monotonic()
        if self.choice.random() < 0.5:
            status, document = self.ask("POST", "/v1/keys:verify", {"key": key.text, "scope": "orders:read"})
            code = document["code"] if status == 200 else ""
        else:
            way = {"X_Forwarded_Method": "GET", "X_Forwarded_Uri": "/orders/7"}
            status, document = self.ask("GET", "/v1/forward-auth", Authorization=f"Bearer {key.text}", **way)
            code = "accepted" if status == 200 else (document or {}).get("code", "")
        if status and code:
            self._ledger.verdicts.append(Verdict(key.key_id, asked, time.monotonic(), code))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _issuing(caller: Caller, ledger: Ledger, over: threading.Event, number: int) -> None:
    """Issue keys, rotate some, and revoke some; suspend an owner now and then."""
    for count in itertools.count():
        if over.is_set():
            return
        caller.issue(f"token-{number}-{count}")
        living = [key for key in ledger.keys if key.revoking is None]
        if living and count % 4 == 1:
            caller.rotate(caller.choice.choice(living))
        if len(living) > LIVING or (living and caller.choice.random() < 0.4):
            caller.revoke(caller.choice.choice(living))
        if count % 10 == 0:
            caller.suspend(f"globex-{number}")
        over.wait(0.02)


def _verifying(caller: Caller, ledger: Ledger, over: threading.Event, _: int) -> None:
    """Ask about keys, half of them revoked ones."""
    while not over.is_set():
        known = ledger.keys[-4 * LIVING :]
        ended = [key for key in known if key.revoked is not None]
        chosen = ended if ended and caller.choice.random() < 0.5 else known
        if chosen:
            caller.verify(caller.choice.choice(chosen))
        over.wait(0.002)


@contextmanager
def calling(port: int, root: str, ledger: Ledger) -> Generator[None]:
    """Call a service from several threads until the end of the block; an error in one of them is raised then."""
    over = threading.Event()
    errors: list[BaseException] = []

    def run(part: Callable[[Caller, Ledger, threading.Event, int], None], number: int) -> None:
        caller = Caller(port, root, ledger, number)
        try:
            part(caller, ledger, over, number)
        except BaseException as error:
            errors.append(error)
        finally:
            caller.close()

    parts = (_issuing, _verifying, _verifying, _verifying, _issuing)
    threads = [threading.Thread(target=run, args=(part, number)) for number, part in enumerate(parts)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(120)
    if errors:
        raise errors[0]
