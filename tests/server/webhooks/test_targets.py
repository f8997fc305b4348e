"""Where a request of the service may go: whole addresses, and public numbers."""

from __future__ import annotations

import pytest

from secretsource.server.outgoing.targets import Target, is_public, read_target


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("https://Example.org", Target(True, "example.org", 443, "/")),
        ("https://example.org:8443/a/b?c=d#e", Target(True, "example.org", 8443, "/a/b?c=d")),
        ("http://[2001:db8::1]/x", Target(False, "2001:db8::1", 80, "/x")),
        ("http://127.0.0.1?x", Target(False, "127.0.0.1", 80, "/?x")),
    ],
)
def test_an_address_has_parts(address: str, target: Target) -> None:
    """The host is in lower case, and the port is that of the scheme."""
    assert read_target(address) == target


@pytest.mark.parametrize(
    "address",
    [
        "", "example.org", "ftp://example.org/", "https://", "https:///x", "https://user@example.org/",
        "https://:pw@example.org/", "https://example.org:0/", "https://example.org:99999/", "https://example.org:x/",
        "https://exa mple.org/", "https://example.org/\r\nX: y", "https://exämple.org/", "https://[::1/",
        "https://example.org\\@127.0.0.1/", "https://example.org/\x7f",
    ],
)  # fmt: skip
def test_an_address_that_is_not_whole_is_none(address: str) -> None:
    """Nothing is guessed, and no user or password is sent."""
    assert read_target(address) is None


@pytest.mark.parametrize(
    "number",
    ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::8", "64:ff9b::808:808"],
)
def test_public_numbers(number: str) -> None:
    """Numbers that everybody reaches."""
    assert is_public(number)


@pytest.mark.parametrize(
    "number",
    [
        # private, and shared by the customers of a provider
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200", "fc00::1",
        "fd00:ec2::254", "fec0::1",
        # this machine
        "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "0.1.2.3", "::", "255.255.255.255",
        # the link, with the metadata of clouds; the inside of Azure
        "169.254.169.254", "fe80::1", "fe80::1%eth0", "168.63.129.16",
        # many, reserved, documentation, benchmarks
        "224.0.0.1", "239.255.255.250", "ff02::1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.7",
        "2001:db8::1", "3fff::1", "100::1", "192.0.0.8", "192.88.99.1",
        # IPv4 inside of IPv6: mapped, compatible, NAT64, its local form, 6to4, Teredo
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::",
        # no number at all
        "localhost", "", "2130706433", "0x7f000001", "127.1",
    ],
)  # fmt: skip
def test_numbers_that_are_not_public(number: str) -> None:
    """Each stands for a kind of network whose hosts an address from outside may not reach."""
    assert not is_public(number)
