"""Whatever a vendor's SDK logs, at DEBUG and with every logger of its switched on: neither values nor credentials.

Every provider with a service behind it, read by threads and by tasks: when it answers, and in every way it can fail.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from boto3 import Session
from tests.chain.outcomes import FOOTNOTES
from tests.chain.worlds import bao, become_nobody, disable, harness, world
from tests.leaks.canary import CANARY, assert_clean, assert_unseen
from tests.servers.azure import CLIENT_SECRET, TOKEN
from tests.shells import Shell

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ResolveError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from secretsource.testing import ProviderHarness

__all__ = ["bao", "become_nobody", "harness", "world"]

PATIENCE = 0.5
AWS_KEY, AWS_TOKEN = "canary-of-the-access-key", "canary-of-the-session"
VENDORS = ("aiohttp", "asyncio", "azure", "boto", "google", "grpc", "hvac", "msal", "requests", "urllib3")
OURS = ("secretsource", "concurrent")

SPEAKERS = {
    "aws": {"botocore.endpoint", "botocore.parsers", "urllib3.connectionpool"},
    "aws-ssm": {"botocore.endpoint", "botocore.parsers", "urllib3.connectionpool"},
    "vault": {"urllib3.connectionpool"},
    "gcp": {"google.cloud.secretmanager_v1.services.secret_manager_service.client"},
    "gcp-rest": {"google.cloud.secretmanager_v1.services.secret_manager_service.client", "urllib3.connectionpool"},
    "azure": {"azure.core.pipeline.policies.http_logging_policy", "msal.application", "urllib3.connectionpool"},
}
"""Loggers that are heard when a provider is first asked by a thread."""

FAULTS: dict[str, Callable[[Any], object]] = {
    "denied": lambda harness: harness.deny(),
    "throttled": lambda harness: harness.throttle(),
    "down": lambda harness: harness.down(),
    "slow": lambda harness: harness.hang(),
    "malformed": lambda harness: harness.break_response(CANARY),
    "deleted": lambda harness: harness.delete("NAME"),
    "disabled": lambda harness: disable(harness, "NAME"),
}
CELLS = [
    (provider, outcome)
    for provider in SPEAKERS
    for outcome in ("found", "new version", *FAULTS)
    if (provider, outcome) not in FOOTNOTES
]


class Records:
    """What the SDKs and we log, as it would reach a handler, while somebody listens."""

    def __init__(self) -> None:
        self.kept: list[logging.LogRecord] = []
        self._listening = False

    def hear(self, record: logging.LogRecord) -> None:
        if self._listening and record.name.startswith((*VENDORS, *OURS)):
            self.kept.append(record)

    @contextmanager
    def listening(self) -> Generator[None]:
        """While the driver is at work, and not the operator of a test, who has the value by right."""
        self._listening = True
        try:
            yield
        finally:
            self._listening = False

    def texts(self) -> str:
        """Everything that records carry, tracebacks included."""
        errors = [
            line for record in self.kept if record.exc_info for line in traceback.format_exception(*record.exc_info)
        ]
        return "\n".join([*(f"{record.getMessage()} {vars(record)!r}" for record in self.kept), *errors])


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Records:
    """Every logger says all that it could say, whatever level and handlers it has been given."""
    records = Records()
    monkeypatch.setattr(logging.Logger, "isEnabledFor", lambda _, __: True)
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda _, record: records.hear(record))
    return records


@pytest.fixture(params=[Resolver, AsyncResolver])
def shell(harness: Any, provider: str, request: pytest.FixtureRequest) -> Generator[Shell]:
    """A chain of the provider alone."""
    if provider in {"aws", "aws-ssm"}:
        session = Session("id", AWS_KEY, AWS_TOKEN, region_name="eu-west-1")
        prefix, _ = harness.ref("NAME").location.split("NAME")
        harness.provider = type(harness.provider)(prefix=prefix, endpoint_url=harness.aws.endpoint_url, session=session)
    shell = Shell(request.param([harness.provider]))
    yield shell
    harness.heal()
    shell.end()


@pytest.mark.parametrize(("provider", "outcome"), CELLS)
def test_nothing_is_logged(
    provider: str, outcome: str, harness: ProviderHarness, shell: Shell, records: Records
) -> None:
    """The first read, with its login, then what becomes of it, in every way to ask; and the end."""
    harness.put("NAME", CANARY)
    with records.listening():
        assert shell.get("NAME") == CANARY
    if isinstance(shell.resolver, Resolver):
        assert {record.name for record in records.kept} >= SPEAKERS[provider]
    if outcome == "new version":
        harness.rotate("NAME", f"{CANARY}, the second")
    elif outcome != "found":
        FAULTS[outcome](harness)
    if outcome == "slow":
        shell.engine.deadline = PATIENCE
    with records.listening():
        ask_in_every_way(shell, failing=outcome in FAULTS)
        harness.heal()
        shell.close()
    assert_unseen(records.texts())
    for credential in (AWS_KEY, AWS_TOKEN, CLIENT_SECRET, TOKEN, *tokens_of(harness)):
        assert credential not in records.texts()


def ask_in_every_way(shell: Shell, *, failing: bool) -> None:
    """Read, read many, read the versions and explain; what fails shows nothing either."""
    secret = shell.get("NAME")
    questions: list[Callable[[], Any]] = [
        lambda: shell.get("NAME", fresh=True),
        lambda: shell.reject(secret),
        lambda: shell.get_set("NAME"),
        lambda: shell.get_many(["NAME", "ABSENT"]),
    ]
    failed = []
    for question in questions:
        try:
            question()
        except ResolveError as error:
            assert_clean(error)
            failed.append(question)
    assert (questions[0] in failed) is failing
    assert_unseen(str(shell.explain("NAME")), repr(shell.explain("ABSENT")))


def tokens_of(harness: Any) -> list[str]:
    """What a provider has logged in with, where only it knows."""
    held = getattr(getattr(harness.provider, "_tokens", None), "held", None)
    return [] if held is None else [held.text]
