"""The table `[server.pages.oidc]` of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from secretsource.config import load_table
from secretsource.exceptions import ConfigurationError
from secretsource.server.oidc.settings import OidcSettings, OperatorRule, read_oidc
from secretsource.server.outgoing.targets import is_safe

LEAST = """
[oidc]
issuer = "https://login.example.com"
client_id = "keys"
redirect_uri = "https://keys.example.com/operator/sign-in/back"
"""
LINE = """
[[oidc.operators]]
claim = "groups"
value = "platform"
rights = ["keys:read"]
"""


def read(folder: Path, text: str) -> OidcSettings:
    """Read the settings in a file."""
    file = folder / "secretsource.toml"
    file.write_text(text, encoding="utf-8")
    section = load_table("oidc", file)
    assert section is not None
    return read_oidc(section)


def test_nobody_is_an_operator_by_default(tmp_path: Path) -> None:
    """The least that a sign-in needs lets nobody in, and asks for a name and an address."""
    settings = read(tmp_path, LEAST)
    assert settings == OidcSettings(
        "https://login.example.com", "keys", "https://keys.example.com/operator/sign-in/back", None,
        ("openid", "email", "profile"), "email", (),
    )  # fmt: skip


def test_the_table_is_read(tmp_path: Path) -> None:
    """The secret is a reference, `openid` is always asked for, and each line is read in its order."""
    more = 'client_secret = "ref+env://OIDC"\nscopes = ["groups", "openid"]\nname_claim = "name"\n'
    line = LINE.replace("platform", "support") + 'owner = "acme"\n'
    settings = read(tmp_path, LEAST + more + LINE + line)
    assert settings.client_secret == "ref+env://OIDC"
    assert settings.scopes == ("openid", "groups")
    assert settings.name_claim == "name"
    assert settings.operators == (
        OperatorRule("groups", "platform", ("keys:read",)),
        OperatorRule("groups", "support", ("keys:read",), "acme"),
    )
    assert "ref+env" not in repr(settings)


@pytest.mark.parametrize("written", ["Caf\u00e9", "Cafe\u0301", " Caf\u00e9 "])
def test_a_customer_has_one_spelling(tmp_path: Path, written: str) -> None:
    """A person that is bound to a customer sees it, however the line spells it."""
    (rule,) = read(tmp_path, LEAST + LINE + f'owner = "{written}"\n').operators
    assert rule.owner == "Caf\u00e9"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LEAST.replace("issuer", "isuer"), "line 3.*isuer.*issuer"),
        (LEAST.replace('client_id = "keys"', ""), "a sign-in needs client_id"),
        (LEAST.replace("https://login", "http://login"), "line 3.*issuer must be an address that begins with https://"),
        (LEAST.replace("https://keys", "keys"), "line 5.*redirect_uri must be an address"),
        (LEAST + 'client_secret = "canary-5b1c"', "line 6.*must be a reference such as .*not the secret itself"),
        (LEAST + 'name_claim = ""', "name_claim must be a text that is not empty"),
        (LEAST + 'scopes = "openid"', "scopes must be a list of strings"),
        (LEAST + LINE.replace('value = "platform"', ""), "a line of operators needs value"),
        (LEAST + LINE.replace("keys:read", "keys:reed"), "rights must be some of keys:read, "),
        (LEAST + LINE.replace('"keys:read"', ""), "rights must have at least one scope"),
        (LEAST + LINE.replace('["keys:read"]', '["*"]'), "rights must be some of"),
        (LEAST + LINE + 'owner = ":root"', "reserved for root keys"),
        (LEAST + LINE + 'owner = " :root "', "reserved for root keys"),
        (LEAST + LINE + 'owner = ""', "owner must be a text"),
        (LEAST + LINE + 'owner = " "', "owner must be a name"),
        (LEAST + LINE + 'group = "x"', "group"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    """The message names the file, the line and the setting, and quotes no value."""
    with pytest.raises(ConfigurationError, match=f"secretsource.toml.*{why}") as caught:
        read(tmp_path, text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://login.example.com", True),
        ("https://login.example.com:8443/realms/a?b=c", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://login.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("https://", False),
        ("https://user@login.example.com", False),
        ("https://login.example.com:0", False),
        ("https://login.example.com:port", False),
        ("https://login.example.com/a b", False),
        ("https://login.example.com/\n", False),
        ("https://l\u00f6gin.example.com", False),
        ("file:///etc/passwd", False),
        ("login.example.com", False),
    ],
)
def test_only_addresses_that_nobody_else_can_answer_for_are_asked(address: str, expected: bool) -> None:
    """With TLS, or on this machine; without a user name and without characters that another program reads otherwise."""
    assert is_safe(address) is expected
