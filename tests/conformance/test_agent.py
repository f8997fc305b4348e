"""The provider for the agents of AWS keeps the contract, with a stub of their HTTP interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.servers.agent import Agent, agent_stub, refusal
from tests.servers.relay import Reply

from secretsource.providers.agent import AgentProvider
from secretsource.testing import ProviderConformance, ProviderHarness

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture(scope="module")
def agent() -> Generator[Agent]:
    """A running stub."""
    with agent_stub() as agent:
        yield agent


class AgentHarness(ProviderHarness):
    """Puts secrets into the stub, and breaks it."""

    def __init__(self, agent: Agent, token_file: Path) -> None:
        self.agent = agent
        self.token_file = token_file
        token_file.write_text(f"{agent.token}\n")
        agent.versions.clear()
        self.provider = self.behind(agent.address)

    def behind(self, address: str) -> AgentProvider:
        return AgentProvider(address=address, token_file=str(self.token_file), prefix="prod/")

    def put(self, name: str, value: str | bytes) -> None:
        self.agent.put(f"prod/{name}", value)

    def delete(self, name: str) -> None:
        del self.agent.versions[f"prod/{name}"]

    def older_stage(self, name: str) -> str:
        return "AWSPREVIOUS"

    def deny(self) -> None:
        self.agent.fault = refusal("AccessDeniedException")

    def throttle(self) -> None:
        self.agent.fault = refusal("ThrottlingException")

    def hang(self) -> None:
        self.agent.front.hang()

    def break_response(self, planted: str) -> None:
        self.agent.fault = Reply(200, f"<html>{planted}</html>".encode())

    def down(self) -> None:
        self.agent.fault = refusal("InternalServiceError", 500)

    def heal(self) -> None:
        self.agent.heal()


class TestAgentProvider(ProviderConformance):
    """Every case."""

    impossible: ClassVar = {"deny_one": "the agent has no call for several secrets"}

    @pytest.fixture
    def harness(self, agent: Agent, tmp_path: Path) -> Generator[AgentHarness]:
        """An agent without secrets."""
        yield AgentHarness(agent, tmp_path / "token")
        agent.heal()
