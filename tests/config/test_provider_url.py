"""A provider URL carries a driver's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource.config import ProviderConfig, settings_from_url
from secretsource.exceptions import ConfigurationError, ProviderNotInstalled

if TYPE_CHECKING:
    from secretsource.config._provider import Drivers

CANARY = "c4n4ry-value"


def test_query_is_read_by_the_type_of_each_setting(drivers: Drivers) -> None:
    """Numbers, true and false, words and lists come out typed; the path fills the main setting."""
    config = settings_from_url(
        "aws://prod/?region=eu-west-1&attempts=5&timeout=2.5&tls=false&mode=text&hosts=a,b", drivers=drivers
    )
    assert config == ProviderConfig(
        "aws",
        "aws",
        {
            "region": "eu-west-1",
            "attempts": 5,
            "timeout": 2.5,
            "tls": False,
            "mode": "text",
            "hosts": ("a", "b"),
            "prefix": "prod/",
        },
    )


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("aws:///run/secrets", "/run/secrets"),
        ("aws://a%20b%3Fc", "a b?c"),
        ("aws://?prefix=a+b%26c=d", "a+b&c=d"),
        ("aws://?prefix=ref%2Bfile:///x", "ref+file:///x"),
        ("aws://?&prefix=", ""),
    ],
)
def test_text_is_percent_decoded(url: str, prefix: str, drivers: Drivers) -> None:
    """Percent-encoding is undone once, and a plus stays a plus."""
    assert settings_from_url(url, drivers=drivers).settings == {"prefix": prefix}


def test_a_line_end_is_taken_off_where_the_driver_does_not_do_so_itself(drivers: Drivers) -> None:
    """The chain does it for most drivers; one that has the setting hears of it instead."""
    plain = settings_from_url("aws://?strip_newline=true", drivers=drivers)
    assert (plain.strip_newline, plain.settings) == (True, {})
    assert not settings_from_url("aws://", drivers=drivers).strip_newline
    own = settings_from_url("file:///run/secrets?strip_newline=true")
    assert (own.strip_newline, own.settings["strip_newline"]) == (False, True)


def test_name_and_reactions_are_taken_from_the_query(drivers: Drivers) -> None:
    """Two URLs of one driver can have two names, and say what the chain does on failure."""
    config = settings_from_url("aws://?name=aws-eu&on_denied=next", drivers=drivers)
    assert (config.name, config.type, config.on_denied, config.on_unavailable) == ("aws-eu", "aws", "next", "stop")
    assert config.settings == {}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (CANARY, "a provider URL must start with a scheme of a-z, 0-9, '-' and '_' before '://'"),
        (f"://{CANARY}", "a provider URL must start with a scheme"),
        (f"user:{CANARY}://", "a provider URL must start with a scheme"),
        (f"aws://{CANARY}#field", r"a '#' in the URL 'aws://…' must be written %23"),
        (f"aws://?{CANARY}", r"a setting in the URL 'aws://…' must have the form key=value"),
        (f"aws://?region={CANARY}&region=b", "setting 'region' is given twice in the URL 'aws://…'"),
        (f"aws://{CANARY}?prefix=b", "setting 'prefix' is given twice in the URL 'aws://…': once by the path"),
        (f"env://{CANARY}", "provider 'env' has no setting for a path: write its settings after '?'"),
        (f"aws://?regoin={CANARY}", "in the URL 'aws://…', unknown setting 'regoin': did you mean 'region'?"),
        (f"aws://?attempts={CANARY}", "in the URL 'aws://…', setting 'attempts' must be a whole number"),
        (f"aws://?mode={CANARY}", "in the URL 'aws://…', setting 'mode' must be one of 'json', 'text'"),
        (f"aws://?tags={CANARY}", "in the URL 'aws://…', setting 'tags' must be a table of strings"),
        (f"aws://?on_denied={CANARY}", "in the URL 'aws://…', on_denied must be 'stop' or 'next'"),
        (f"aws://?name={CANARY}!", "the name in the URL 'aws://…' must be of a-z, 0-9, '-' and '_'"),
        ("vault://", "provider 'vault' needs the setting 'address', which must be a string"),
        ("awz://", "unknown provider 'awz': did you mean 'aws'?"),
    ],
)
def test_mistake_is_named_without_its_value(url: str, message: str, drivers: Drivers) -> None:
    """An error names the scheme and the setting; nothing else of the URL is in it."""
    with pytest.raises(ConfigurationError) as caught:
        settings_from_url(url, drivers=drivers)
    assert message in str(caught.value)
    assert CANARY not in str(caught.value)


def test_driver_that_is_not_installed(drivers: Drivers) -> None:
    """The error says which extra to install."""
    with pytest.raises(ProviderNotInstalled, match=r"secretsource\[gcp\]"):
        settings_from_url("gcp://?project=p", drivers=drivers)


def test_settings_are_not_in_the_repr(drivers: Drivers) -> None:
    """A configured provider can be logged, although a setting of it may be a secret."""
    assert CANARY not in repr(settings_from_url(f"aws://?region={CANARY}", drivers=drivers))
