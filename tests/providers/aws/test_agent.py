"""Secrets of AWS through an agent on this machine: what is sent, and what its answers mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.servers.agent import TOKEN, Agent, agent_stub, refusal
from tests.servers.relay import Reply

from secretsource import Resolver
from secretsource.exceptions import ConfigurationError
from secretsource.providers._aws import agent_token
from secretsource.providers.agent import AgentProvider
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

REF = SecretRef("agent", "prod/stripe")
CANARY = "canary-88d0"


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Generator[Agent]:
    """A running stub, whose token is in the environment as in AWS Lambda."""
    with agent_stub() as agent:
        monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
        agent.put("prod/stripe", "sk_1")
        yield agent


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


class TestQuestion:
    """What the agent is asked."""

    def test_current_version_is_asked_for_by_stage(self, agent: Agent) -> None:
        """Without version and stage, AWSCURRENT is asked for, as the driver of AWS does."""
        AgentProvider(address=agent.address).fetch(REF, timeout=5)
        assert agent.questions == [{"secretId": "prod/stripe", "versionStage": "AWSCURRENT"}]

    def test_version_is_asked_for_alone(self, agent: Agent) -> None:
        """A version id goes without a stage, unless the reference has both."""
        provider = AgentProvider(address=agent.address)
        provider.fetch(REF._replace(version="7"), timeout=5)
        provider.fetch(REF._replace(version="7", stage="X"), timeout=5)
        assert [question.get("versionStage") for question in agent.questions] == [None, "X"]

    def test_name_is_encoded(self, agent: Agent) -> None:
        """An ARN, and a name with signs, arrive as they are."""
        arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a b&versionId=c-AbCdEf"
        AgentProvider(address=agent.address).fetch(SecretRef("agent", arn), timeout=5)
        assert agent.questions[0]["secretId"] == arn

    def test_refused_value_is_fetched_anew_by_the_agent(self, agent: Agent) -> None:
        """After ``discard`` the agent is told to refresh, until it has given a value."""
        provider = AgentProvider(address=agent.address)
        provider.discard(REF._replace(field="key"))
        agent.fault = refusal("ThrottlingException")
        provider.fetch(REF, timeout=5)
        agent.fault = None
        provider.fetch(REF, timeout=5)
        provider.fetch(REF, timeout=5)
        assert [question.get("refreshNow") for question in agent.questions] == ["true", "true", None]

    def test_in_a_chain(self, agent: Agent) -> None:
        """The scheme is registered, and its settings stand in a URL."""
        with Resolver([f"agent://prod/?address={agent.address}"]) as resolver:
            assert resolver.get("stripe") == "sk_1"
            assert resolver.get("agent://prod/stripe") == "sk_1"

    def test_document(self, agent: Agent) -> None:
        """With a document, a bare name is one of its fields."""
        agent.put("prod/app", json.dumps({"A": "1"}))
        with Resolver([AgentProvider(address=agent.address, document="prod/app")]) as resolver:
            assert resolver.get("A") == "1"


class TestToken:
    """Where the token comes from."""

    def test_token_is_read_for_each_call(self, agent: Agent, tmp_path: Path) -> None:
        """An agent that was started again has another token, and is answered with it."""
        file = tmp_path / "token"
        file.write_text(TOKEN)
        provider = AgentProvider(address=agent.address, token_file=str(file))
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        agent.token = "another"
        assert failure(provider.fetch(REF, timeout=5)).code is FailureCode.UNAUTHENTICATED
        file.write_text("another\n")
        assert isinstance(provider.fetch(REF, timeout=5), Found)

    def test_order(self, agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """``AWS_TOKEN`` goes before the agent's file, and that before ``AWS_SESSION_TOKEN``."""
        written = tmp_path / "awssmatoken"
        monkeypatch.setattr(agent_token, "DEFAULT_TOKEN_FILE", str(written))
        assert agent_token.agent_token(None) == TOKEN
        written.write_text("of-the-file")
        assert agent_token.agent_token(None) == "of-the-file"
        monkeypatch.setenv("AWS_TOKEN", "of-the-variable")
        assert agent_token.agent_token(None) == "of-the-variable"
        monkeypatch.setenv("AWS_TOKEN", f"file://{written}")
        assert agent_token.agent_token(None) == "of-the-file"

    @pytest.mark.parametrize("content", [None, "", "two words", "line\nbreak", "\x00"])
    def test_token_that_cannot_be_sent(self, agent: Agent, tmp_path: Path, content: str | None) -> None:
        """A missing or broken token is told as such, is no outage, and nothing is asked."""
        file = tmp_path / "token"
        if content is not None:
            file.write_text(content)
        outcome = failure(AgentProvider(address=agent.address, token_file=str(file)).fetch(REF, timeout=5))
        assert outcome.code is FailureCode.UNAUTHENTICATED
        assert agent.questions == []

    def test_no_token(self, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without any token the error lists where one is looked for."""
        monkeypatch.delenv("AWS_SESSION_TOKEN")
        outcome = failure(AgentProvider(address=agent.address).fetch(REF, timeout=5))
        assert outcome.code is FailureCode.UNAUTHENTICATED
        assert "token_file or AWS_TOKEN" in str(outcome.remedy)

    @pytest.mark.parametrize(
        "address",
        [
            "http://10.0.0.1:2773",
            "http://agent.internal:2773",
            "https://127.0.0.1:2773",
            "127.0.0.1:2773",
            "http://",
            "http://[::1",
        ],
    )
    def test_token_is_sent_to_this_machine_only(self, address: str) -> None:
        """Another host, or another protocol, is refused before anything is sent."""
        with pytest.raises(ConfigurationError, match="address must be plain HTTP on this machine"):
            AgentProvider(address=address)


class TestAnswer:
    """What an answer means."""

    @pytest.mark.parametrize(
        ("reply", "code", "said"),
        [
            (refusal("AccessDeniedException"), FailureCode.DENIED, "refuses it to this identity"),
            (refusal("InternalServiceError", 500), FailureCode.UNAVAILABLE, "out of order"),
            (Reply(500, b"api error ThrottlingException: Rate exceeded"), FailureCode.THROTTLED, "throttles"),
            (Reply(400, b"not ready to serve traffic, please wait"), FailureCode.UNAVAILABLE, "still starting"),
            (Reply(401, b"missing"), FailureCode.UNAUTHENTICATED, "does not accept the token"),
            (Reply(404, b""), FailureCode.MISCONFIGURED, "not from the agent"),
            (Reply(302, b""), FailureCode.MISCONFIGURED, "not from the agent"),
            (Reply(503, b""), FailureCode.UNAVAILABLE, "out of order"),
            (Reply(200, f'"{CANARY}"'.encode()), FailureCode.MALFORMED, "not in the agent"),
            (Reply(200, f'{{"SecretBinary": "{CANARY}!"}}'.encode()), FailureCode.MALFORMED, "not in the agent"),
            (Reply(200, b"[" * 100_000), FailureCode.MALFORMED, "not in the agent"),
            (Reply(200, f'{{"SecretString": ["{CANARY}"]}}'.encode()), FailureCode.MALFORMED, "neither text nor bytes"),
            (Reply(200, b'{"SecretString": "x", "SecretBinary": "eA=="}'), FailureCode.MALFORMED, "or both"),
        ],
    )
    def test_failure(self, agent: Agent, reply: Reply, code: FailureCode, said: str) -> None:
        """Each is told with the place that was asked, and without the answer."""
        agent.fault = reply
        outcome = failure(AgentProvider(address=agent.address).fetch(REF, timeout=5))
        assert outcome.code is code
        assert said in str(outcome.reason)
        assert f"in the agent at {agent.address.removeprefix('http://')}" in str(outcome.reason)
        assert CANARY not in repr(outcome)

    def test_absence_in_the_words_of_the_extension(self, agent: Agent) -> None:
        """The extension of AWS Lambda passes the error on as text; what is not there is NotFound in either form."""
        agent.fault = Reply(400, b"api error ResourceNotFoundException: can't find the specified secret.")
        assert isinstance(AgentProvider(address=agent.address).fetch(REF, timeout=5), NotFound)

    def test_no_agent(self, agent: Agent) -> None:
        """Where nothing listens, the error says where, and what to start."""
        outcome = failure(AgentProvider(address="http://127.0.0.1:9").fetch(REF, timeout=5))
        assert outcome.code is FailureCode.UNAVAILABLE
        assert "127.0.0.1:9 cannot be reached: connection refused" in str(outcome.reason)
        assert "start the AWS Secrets Manager Agent" in str(outcome.remedy)
