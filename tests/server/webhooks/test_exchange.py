"""One request to another server: to a judged number, without redirects and proxies, and over TLS that is checked."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from tests.server.webhooks.receiver import receiving

from secretsource.server.outgoing import exchange as module
from secretsource.server.outgoing.exchange import ExchangeError, Reply, Request, exchange
from secretsource.server.outgoing.targets import read_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.webhooks.receiver import Receiver


def post(url: str, *, private: bool = False, within: float = 20.0) -> Reply:
    """Send something."""
    target = read_target(url)
    assert target is not None
    return exchange(Request(target, "POST", {"X-A": "b"}, b"body"), within=within, most=0, private=private)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The numbers that connections are attempted to; none is made."""
    found: list[Any] = []

    class Nowhere(socket.socket):
        """A socket that goes nowhere."""

        def connect(self, address: Any) -> None:
            found.append(address[0])
            raise ConnectionRefusedError

    monkeypatch.setattr(module.socket, "socket", Nowhere)
    return found


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names stand for numbers, another list at each question; return the names that are asked for."""
    asked: list[str] = []

    def answer(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        numbers = answers[min(len(asked), len(answers)) - 1]
        families = [socket.AF_INET6 if ":" in number else socket.AF_INET for number in numbers]
        return [
            (family, socket.SOCK_STREAM, 6, "", (number, port))
            for family, number in zip(families, numbers, strict=True)
        ]

    monkeypatch.setattr(module.socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "127.1", "0.0.0.0", "0", "[::1]", "[::ffff:127.0.0.1]",
     "[::]", "169.254.169.254", "10.1.2.3", "localhost", "224.0.0.1"],
)  # fmt: skip
def test_a_number_that_is_not_public_is_not_asked(host: str, reached: list[Any]) -> None:
    """However it is written; the error names the host, and no connection is attempted."""
    with pytest.raises(ExchangeError, match="was not asked: it is in a network that is not public"):
        post(f"http://{host}/")
    assert reached == []


@pytest.mark.parametrize("number", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fd00:ec2::254", "127.0.0.1"])
def test_a_name_that_stands_for_the_inside_is_not_asked(
    number: str, reached: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number counts, and not the name; with `private`, it is asked."""
    resolving(monkeypatch, [number])
    with pytest.raises(ExchangeError, match=r"hooks\.example was not asked"):
        post("https://hooks.example/")
    assert reached == []
    with pytest.raises(ExchangeError, match="ConnectionRefusedError"):
        post("https://hooks.example/", private=True)
    assert reached == [number]


def test_a_name_that_moves_is_resolved_once(reached: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged is connected to, although the name points inside by now; public numbers beside it count."""
    asked = resolving(monkeypatch, ["127.0.0.1", "8.8.8.8", "2606:4700::1111"], ["127.0.0.1"])
    with pytest.raises(ExchangeError, match="ConnectionRefusedError"):
        post("https://hooks.example/")
    assert asked == ["hooks.example"]
    assert reached == ["8.8.8.8", "2606:4700::1111"]


def test_a_name_that_is_nowhere_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the host."""

    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "canary")

    monkeypatch.setattr(module.socket, "getaddrinfo", fail)
    with pytest.raises(ExchangeError, match=r"hooks\.example could not be found \(gaierror\)"):
        post("https://hooks.example/")


def test_a_redirect_is_an_answer(receiver: Receiver) -> None:
    """It is not followed, wherever it leads."""
    receiver.answer = lambda _: (307, {"Location": receiver.url, "Retry-After": "7"})
    assert post(receiver.url, private=True) == Reply(307, "7", b"")
    assert len(receiver.seen) == 1
    headers, body = receiver.seen[0]
    assert (headers["x-a"], headers["user-agent"], body) == ("b", "secretsource", b"body")


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would resolve the name again, and could be asked for anything."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.delenv("no_proxy", raising=False)
    assert post(receiver.url, private=True).status == 204


def test_the_next_number_is_tried(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a number that does not answer is reached at another."""
    resolving(monkeypatch, ["127.255.255.254", "127.0.0.1"])
    port = receiver.url.split(":")[2].split("/")[0]
    assert post(f"http://hooks.example:{port}/", private=True).status == 204
    assert receiver.seen[0][0]["host"] == f"hooks.example:{port}"


def test_the_certificate_is_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name in the address counts, although a number is connected to; a stranger's authority does not."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(context)
    resolving(monkeypatch, ["127.0.0.1"])
    with receiving(context) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        module._trust.cache_clear()
        with pytest.raises(ExchangeError, match="SSLCertVerificationError"):
            post(f"https://hooks.example:{port}/", private=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        module._trust.cache_clear()
        assert post(f"https://hooks.example:{port}/", private=True).status == 204
        with pytest.raises(ExchangeError, match="SSLCertVerificationError"):
            post(f"https://other.example:{port}/", private=True)
        assert len(receiver.seen) == 1
    module._trust.cache_clear()


def test_a_handshake_is_bounded() -> None:
    """A server that accepts and says nothing is left when the time is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ExchangeError, match=r"within 0\.2 seconds"):
            post(f"https://127.0.0.1:{port}/", private=True, within=0.2)
