"""The names of Key Vault: legal, readable, and never two for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.providers._azure.names import is_secret_name, is_version, plain_name, secret_name

NAMES = st.text(st.sampled_from("ABYZabyz019_-./é鍵\x00") | st.characters(), min_size=1, max_size=24)
CONFUSING = st.text(st.sampled_from("AaBbLlUuHhSsXx019_-"), min_size=1, max_size=12)

TABLE = {
    "STRIPE_SECRET_KEY": "stripe-secret-key",
    "KEY_1": "key-1",
    "A": "a",
    "7": "7",
    "_PRIVATE_": "-private-",
    "DB__HOST": "db--s-host",
    "db_password": "--ldb-password",
    "dbPassword": "--ldb--up--lassword",
    "stripe-key": "--lstripe--hkey",
    "STRIPE-KEY": "stripe--hkey",
    "A_-B": "a--s--hb",
    "prod/key.v2": "--lprod--x2f-key--x2e-v2",
    "É": "--xc9-",
    "A/_B": "a--x2f--b",
}


def read_back(location: str) -> str:
    """The name behind a location, by the table of the module alone."""
    name, lower, rest = "", False, location
    while rest:
        if match := re.match(r"--x([0-9a-f]+)-", rest):
            name += chr(int(match[1], 16))
        elif match := re.match(r"--([luhs])", rest):
            lower = {"l": True, "u": False}.get(match[1], lower)
            name += {"h": "-", "s": "_"}.get(match[1], "")
        else:
            match = re.match(r"[a-z0-9-]", rest)
            assert match is not None
            name += "_" if match[0] == "-" else match[0] if lower else match[0].upper()
        rest = rest[match.end() :]
    return name


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str) -> None:
    """The usual names are readable, and each rule of the table is kept."""
    assert secret_name(name) == TABLE[name]


@given(NAMES | CONFUSING)
def test_every_name_can_be_read_back(name: str) -> None:
    """What is written is legal, in lower case, and of one name only: so no two names meet, whatever the case."""
    location = secret_name(name)
    if location is None:
        assert len(name) * 10 > 127
    else:
        assert is_secret_name(location)
        assert location == location.lower()
        assert read_back(location) == name


@given(CONFUSING, CONFUSING)
def test_two_names_never_meet(one: str, other: str) -> None:
    """Two names share a location only when they are the same name."""
    assert (secret_name(one) == secret_name(other)) == (one == other)


def test_prefix_is_taken_as_it_is() -> None:
    """The prefix is in Key Vault's own letters, and only the name behind it is rewritten."""
    assert secret_name("API_KEY", "Prod-eu-") == "Prod-eu-api-key"


def test_longest() -> None:
    """127 characters fit, with the prefix; one more does not, and no name is none."""
    assert secret_name("A" * 120, "prefix-") == "prefix-" + "a" * 120
    assert secret_name("A" * 121, "prefix-") is None
    assert secret_name("A" * 127) == "a" * 127
    assert secret_name("A" * 128) is None
    assert secret_name("") is None


@pytest.mark.parametrize("text", ["", "a_b", "a/b", "é", "a" * 128, "a\n", "a b"])
def test_illegal(text: str) -> None:
    """Key Vault allows letters, digits and hyphens only."""
    assert not is_secret_name(text)


@pytest.mark.parametrize(
    ("text", "legal"),
    [("0" * 32, True), ("ABCDEFabcdef0123456789ABCDEF0123", True), ("0" * 31, False), ("g" * 32, False), ("", False)],
)
def test_version(text: str, legal: bool) -> None:
    """A version is 32 hexadecimal digits, so that no other word gets into the path of a request."""
    assert is_version(text) is legal


class TestPlain:
    """Names as people write them in a vault."""

    @pytest.mark.parametrize("name", ["db-password", "db_password", "DB-PASSWORD", "DB_PASSWORD", "Db_Password"])
    def test_every_spelling_is_one_name(self, name: str) -> None:
        """An underscore is a hyphen, and the case does not matter."""
        assert plain_name(name) == "db-password"
        assert plain_name(name, "prod-") == "prod-db-password"

    @pytest.mark.parametrize("name", ["", "a.b", "a b", "é", "x" * 128, "\N{KELVIN SIGN}ey"])
    def test_no_name(self, name: str) -> None:
        """What Key Vault allows no name for is not there."""
        assert plain_name(name) is None
