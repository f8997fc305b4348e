"""A stub of the HTTP interface of the AWS Secrets Manager Agent, as its documentation has it."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.servers.relay import Call, Relay, Reply, relay

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Agent", "agent_stub", "refusal"]

TOKEN = "agent-token-7c21"
HEADER = "X-Aws-Parameters-Secrets-Token"


def refusal(code: str, status: int = 400) -> Reply:
    """An error of AWS as the agent passes it on."""
    return Reply(status, json.dumps({"__type": code, "message": "planned"}).encode())


class Agent:
    """A running stub.

    Attributes:
        front: The server, which notes the calls.
        fault: What is answered in place of everything, or None.
    """

    def __init__(self, front: Relay) -> None:
        self.front = front
        self.fault: Reply | None = None
        self.token = TOKEN
        self.versions: dict[str, list[tuple[str, str | bytes]]] = {}
        self.heal()

    @property
    def address(self) -> str:
        return self.front.address

    @property
    def questions(self) -> list[dict[str, str]]:
        """What was asked, in order."""
        return [_words(call) for call in self.front.calls]

    def put(self, name: str, value: str | bytes) -> None:
        self.versions.setdefault(name, []).append((str(uuid4()), value))

    def heal(self) -> None:
        self.front.heal()
        self.fault = None
        self.front.fault = self.answer

    def answer(self, call: Call) -> Reply:
        """What the agent says."""
        if self.fault is not None:
            return self.fault
        headers = {name.lower(): value for name, value in call.headers.items()}
        if headers.get(HEADER.lower()) != self.token:
            return Reply(403, b"Bad Token")
        if urlsplit(call.path).path != "/secretsmanager/get":
            return Reply(404, b"Not found")
        return self.look(_words(call))

    def look(self, words: dict[str, str]) -> Reply:
        versions = self.versions.get(words["secretId"], [])
        labels: list[str] = ["AWSPREVIOUS", "AWSCURRENT"][-len(versions) :] if versions else []
        by_label = dict(zip(labels, versions[-2:], strict=False))
        stage = words.get("versionStage")
        found = by_label.get(stage) if stage else {each[0]: each for each in versions}.get(words["versionId"])
        if found is None:
            return refusal("ResourceNotFoundException")
        version, value = found
        content = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": b64encode(value).decode()}
        return Reply(200, json.dumps({"Name": words["secretId"], "VersionId": version, **content}).encode())


def _words(call: Call) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(call.path).query).items()}


@contextmanager
def agent_stub() -> Generator[Agent]:
    """Run a stub until the end of the ``with`` block."""
    with relay() as front:
        yield Agent(front)
