"""`check`, `explain` and `doctor` over the six providers of one chain, against servers; none of them shows a value."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

from secretsource.cli._terminal.exit_codes import MISSING, UNAVAILABLE
from secretsource.testing.servers import aws_server, azure_server, gcp_server, vault_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from secretsource.testing.servers import SecretServer

    Command = Callable[..., Any]

CHAIN = ["env", "dotenv", "aws", "vault", "gcp", "azure"]
PLACES = {"aws": "IN_AWS", "vault": "secret/IN_VAULT", "gcp": "IN_GCP", "azure": "in-azure"}
SITES = {
    "env": "", "dotenv": "/.env", "aws": "eu-west-1", "vault": ", mount secret", "gcp": "project ", "azure": "https://"
}  # fmt: skip
"""What tells where each provider asks."""

NAMES = [f"IN_{provider.upper()}" for provider in CHAIN]


@pytest.fixture(scope="module")
def servers() -> Generator[dict[str, SecretServer]]:
    """A server for each provider that asks one."""
    with ExitStack() as stack:
        started = [stack.enter_context(start()) for start in (aws_server, vault_server, gcp_server, azure_server)]
        yield {server.scheme: server for server in started}


@pytest.fixture
def everywhere(
    servers: dict[str, SecretServer], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, SecretServer]:
    """A project whose chain is all six, with one declared secret at each."""
    lines = [f"[environments.test]\nproviders = {CHAIN}\ndeadline = 30\n"]
    for scheme, server in servers.items():
        server.reset()
        server.put(PLACES[scheme], f"{CANARY}-{scheme}")
        lines.append(server.toml())
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
    lines += [f"[secrets.{name}]" for name in NAMES]
    (folder / "secretsource.toml").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("IN_ENV", f"{CANARY}-env")
    dotenv = folder / ".env"
    dotenv.touch(mode=0o600)
    dotenv.write_text(f"IN_DOTENV={CANARY}-dotenv\n", encoding="utf-8")
    return servers


def rows(done: Any) -> list[list[str]]:
    return [line.split("\t") for line in done.stdout.splitlines()[1:]]


@pytest.mark.usefixtures("everywhere")
def test_check(command: Command) -> None:
    """Each secret is found where it is, and nothing is shown of it."""
    done = command("check")
    assert (done.exit_code, done.stderr.splitlines()[1:]) == (0, ["total: 6 secrets: 6 found"])
    assert [row[3] for row in rows(done)] == CHAIN
    assert [bool(row[4]) for row in rows(done)] == [False, False, True, True, True, True]
    document = json.loads(command("check", "--json").stdout)
    assert [secret["provider"] for secret in document["secrets"]] == CHAIN
    assert CANARY not in done.output + json.dumps(document)


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("place", range(len(CHAIN)))
def test_explain(command: Command, place: int) -> None:
    """All before the one that has it were asked in order, and none behind it."""
    done = command("explain", NAMES[place])
    assert (done.exit_code, done.stderr.count("\n")) == (0, 1)
    assert all(SITES[row[0]] in row[5] for row in rows(done)[: place + 1])
    assert [row[0] for row in rows(done)] == CHAIN
    assert [row[1] for row in rows(done)] == ["not found"] * place + ["found"] + ["not asked"] * (5 - place)
    assert CANARY not in done.output + command("explain", NAMES[place], "--json").output


@pytest.mark.usefixtures("everywhere")
def test_doctor(command: Command) -> None:
    """Each of the six can be read, and has one of the six."""
    done = command("doctor")
    assert (done.exit_code, done.stderr.count("\n")) == (0, 1)
    assert all(SITES[row[0]] in row[7] for row in rows(done))
    assert [row[0] for row in rows(done)] == CHAIN
    assert [row[2:4] for row in rows(done)] == [["yes", "1 of 6"]] * 6
    assert CANARY not in done.output + command("doctor", "--json").output


def test_an_outage_in_the_middle(everywhere: dict[str, SecretServer], command: Command) -> None:
    """The three agree: what is before Vault can be had, what is behind it cannot, and Vault is why."""
    everywhere["vault"].down()
    checked = command("check")
    assert checked.exit_code == UNAVAILABLE
    assert [row[2] for row in rows(checked)] == ["found"] * 3 + ["unavailable"] * 3
    explained = command("explain", "IN_AZURE")
    assert [row[1] for row in rows(explained)] == ["not found"] * 3 + ["unavailable", "not asked", "not asked"]
    examined = command("doctor")
    assert examined.exit_code == MISSING
    assert [row[2] for row in rows(examined)] == ["yes"] * 3 + ["unavailable"] + ["yes"] * 2
    assert "provider 'vault' cannot be read" in examined.stderr
    assert CANARY not in checked.output + explained.output + examined.output
