"""The address of the client behind gateways."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from secretsource.server.gateway.peers import client_address, is_trusted

GATEWAYS = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def headers(*values: str) -> list[tuple[bytes, bytes]]:
    """The headers of a request that came through gateways."""
    return [(b"host", b"api"), *((b"x-forwarded-for", value.encode("latin-1")) for value in values)]


@pytest.mark.parametrize(
    ("sent", "peer", "address"),
    [
        ([], "10.0.0.1", "10.0.0.1"),
        (["203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["203.0.113.9, 10.0.0.2"], "10.0.0.1", "203.0.113.9"),
        (["6.6.6.6, 203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9"], "10.0.0.1", "203.0.113.9"),
        (["203.0.113.9"], "198.51.100.4", "198.51.100.4"),
        (["203.0.113.9"], None, None),
        (["10.0.0.7, 10.0.0.2"], "10.0.0.1", "10.0.0.7"),
        (["203.0.113.9,, "], "10.0.0.1", "203.0.113.9"),
        (["not-an-address"], "10.0.0.1", "not-an-address"),
        (["2001:db8::9"], "2001:db8::1", "2001:db8::9"),
        (["203.0.113.9"], "::ffff:10.0.0.1", "203.0.113.9"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_gateway(sent: list[str], peer: str, address: str) -> None:
    """A client can put any address in front; only what gateways of ours added behind it counts."""
    assert client_address(headers(*sent), peer, GATEWAYS) == address


def test_without_gateways_the_header_is_never_read() -> None:
    """A client that names another address is taken for itself."""
    assert client_address(headers("203.0.113.9"), "10.0.0.1", ()) == "10.0.0.1"


@pytest.mark.parametrize(("address", "trusted"), [("10.9.9.9", True), ("11.0.0.1", False), (None, False), ("x", False)])
def test_a_gateway_is_known_by_its_network(address: str | None, trusted: bool) -> None:
    """An address that cannot be read is none of ours."""
    assert is_trusted(address, GATEWAYS) is trusted
