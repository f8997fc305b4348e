"""Which server a URL names, and where the credentials of a call may go."""

from __future__ import annotations

import pytest

from secretsource.providers._wire.origins import Origin, distrusted, foreign, leads_home

HOME = "https://vault.internal:8200/v1/secret/data/x"


@pytest.mark.parametrize(
    "location", ["/v1/other", "https://vault.internal:8200/v1/y", "HTTPS://VAULT.internal:8200/v1/y?z=%20#a"]
)
def test_home(location: str) -> None:
    """A redirect is followed to the same host and port, however they are written."""
    assert leads_home(HOME, location)


@pytest.mark.parametrize(
    "location",
    [
        "http://vault.internal:8200/v1/y",
        "HTTP://vault.internal:8200/v1/y",
        "hTTp://vault.internal:8200/v1/y",
        " https://vault.internal:8200/",
        "\thttps://vault.internal:8200/",
        "ht\ttps://vault.internal:8200/",
        "https://vault.internal:8201/",
        "https://vault.internal/",
        "https://other.internal:8200/",
        "https://vault.internal:8200@other.internal/",
        "https://vault.internal:8200\\@other.internal/",
        "https:\\\\other.internal/",
        "//other.internal/",
        "///other.internal/",
        "/\\other.internal/",
        "/\t/other.internal/",
        "https:///other.internal/",
        "https:other.internal/",
        "ftp://vault.internal:8200/",
        "https://vault.internal:99999/",
        "https://vault.internal:8200/ä",
    ],
)
def test_away(location: str) -> None:
    """A redirect elsewhere, out of TLS, or in a spelling that programs read differently, is not followed."""
    assert not leads_home(HOME, location)


@pytest.mark.parametrize(
    ("url", "location", "followed"),
    [
        ("http://v/x", "https://v/x", True),
        ("http://v:8200/x", "https://v:8200/x", True),
        ("http://v:8200/x", "https://v/x", False),
        ("http://v/x", "https://other/x", False),
        ("http://v/x", "http://v:80/y", True),
        ("http://[::1]:8200/x", "http://[::1]:8200/y", True),
    ],
)
def test_into_tls(url: str, location: str, followed: bool) -> None:
    """From http a redirect may lead into TLS at the same port, or from the one usual port to the other."""
    assert leads_home(url, location) is followed


@pytest.mark.parametrize(
    ("address", "ambient", "free"),
    [
        ("https://vault.internal:8200", None, True),
        ("https://vault.internal:8200/", "HTTPS://vault.internal:8200", True),
        ("https://vault.internal:8200", "https://vault.internal", False),
        ("http://127.0.0.1:8200", None, True),
        ("http://127.8.8.8:8200", None, True),
        ("http://[::1]:8200", None, True),
        ("http://localhost:8200", None, True),
        ("http://127.0.0.1:8200", "https://vault.internal:8200", False),
        ("http://vault.internal:8200", None, False),
        ("http://127.0.0.1.evil.example:8200", None, False),
        ("http://vault.internal:8200", "http://vault.internal:8200", False),
        ("no address", None, False),
        ("https://vault.internal:8200", "no address", False),
    ],
)
def test_distrusted(address: str, ambient: str | None, free: bool) -> None:
    """What the environment holds goes to an address of a file only encrypted, and where the environment names it."""
    assert (distrusted(address, ambient, "VAULT_ADDR") is None) is free


@pytest.mark.parametrize(
    ("address", "free"),
    [
        ("https://secretsmanager.eu-west-1.amazonaws.com", True),
        ("https://VPCE-1.secretsmanager.us-east-1.vpce.AMAZONAWS.com:443/", True),
        ("https://secretsmanager.cn-north-1.amazonaws.com.cn", True),
        ("http://secretsmanager.eu-west-1.amazonaws.com", False),
        ("https://amazonaws.com.evil.example", False),
        ("https://evilamazonaws.com", False),
        ("https://evil.example", False),
        ("http://127.0.0.1:5000", True),
        ("http://localhost:4566", True),
        ("http://localstack:4566", True),
        ("http://localstack:4567", False),
        ("no address", False),
    ],
)
def test_foreign(address: str, free: bool) -> None:
    """To a vendor's servers encrypted, to this machine, and to what the environment names."""
    ambient = ["http://LOCALSTACK:4566/", "no address"]
    assert (foreign(address, ["amazonaws.com", "amazonaws.com.cn"], ambient) is None) is free


def test_origin_has_a_port() -> None:
    """The usual port is written out."""
    assert Origin.of("https://V.example/") == ("https", "v.example", 443)
