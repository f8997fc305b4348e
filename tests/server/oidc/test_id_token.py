"""ID tokens by themselves: their bounds, the clock of the provider, and the reasons that are told."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry

from secretsource.server.oidc.attempt import LASTS, begun, read_attempt
from secretsource.server.oidc.id_token import Expected, TokenRefused, UnknownSigner, read_id_token, read_keys
from secretsource.server.oidc.settings import OperatorRule
from secretsource.server.oidc.standing import standing

NOW = 1_700_000_000
EXPECTED = Expected("https://login.example.com", "keys", "nonce", NOW + 0.5)
KEY = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
CLAIMS = {
    "iss": EXPECTED.issuer, "aud": "keys", "sub": "u-1", "nonce": "nonce", "iat": NOW, "exp": NOW + 300,
}  # fmt: skip
PUBLIC = KEY.as_dict(private=False)
OTHER = ECKey.generate_key("P-256", {"kid": "first"}).as_dict(private=False)
OF_ANOTHER_KIND = OKPKey.generate_key("Ed25519", {"kid": "first"}).as_dict(private=False)
LENIENT = JWSRegistry(algorithms=["ES256"], strict_check_header=False)


def signed(header: dict[str, Any] | None = None, **claims: object) -> str:
    """A token of the provider."""
    return jwt.encode({"alg": "ES256", "kid": "first", **(header or {})}, {**CLAIMS, **claims}, KEY, registry=LENIENT)


def outcome(text: object) -> str:
    """The person of a token, or the reason that it is refused for."""
    try:
        return str(read_id_token(text, read_keys({"keys": [PUBLIC]}), EXPECTED)["sub"])
    except TokenRefused as refused:
        return str(refused).rpartition(": ")[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (signed(), "u-1"),
        (signed({"made_up": "of tomorrow"}), "u-1"),
        (signed(exp=NOW - 59), "u-1"),
        (signed(exp=NOW - 60), "it has expired"),
        (signed(iat=NOW + 60), "u-1"),
        (signed(iat=NOW + 61), "a claim of it is missing or wrong"),
        (signed(nonce="other"), "it belongs to another sign-in"),
        ("x" * 65_536, "its signature or its form is wrong"),
        ("x" * 65_537, "the provider gave no token"),
        (b"x", "the provider gave no token"),
        (signed({"kid": "second"}), "no key of the provider signed its token"),
    ],
)
def test_a_token_is_accepted_or_its_mistake_is_told(text: object, expected: str) -> None:
    """The clock of the provider may differ by a minute, and its header may say more than we know."""
    assert outcome(text) == expected


@pytest.mark.parametrize(
    ("document", "is_read"),
    [
        ({"keys": [5] * 99 + [PUBLIC]}, True),
        ({"keys": [5] * 100 + [PUBLIC]}, False),
        ({"keys": []}, False),
        ({"keys": PUBLIC}, False),
        ([PUBLIC], False),
    ],
)
def test_a_hundred_keys_are_read(document: object, is_read: bool) -> None:
    """A set without a key among them is refused before a token is."""
    if is_read:
        assert read_keys(document).keys[0].kid == "first"
    else:
        with pytest.raises(TokenRefused, match="the keys of the provider cannot be read"):
            read_keys(document)


def test_an_unknown_signer_is_told_apart() -> None:
    """The keys of the provider are read again for it alone."""
    for keys in ([PUBLIC], [OTHER], [OF_ANOTHER_KIND]):
        with pytest.raises(UnknownSigner):
            read_id_token(signed({"kid": "second" if PUBLIC in keys else "first"}), read_keys({"keys": keys}), EXPECTED)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann (u-1)"), (" A\u202enn\n", "Ann (u-1)"), ("x" * 100, "x" * 100 + " (u-1)"),
        ("x" * 101, "x" * 100 + " (u-1)"), ("u-1", "u-1"), (" ", "u-1"), ("\u200b", "u-1"), (5, "u-1"),
    ],
)  # fmt: skip
def test_the_name_of_a_person_can_be_shown(name: object, shown: str) -> None:
    """Up to 100 characters that print, with the id, as others may take the same name; without a name it is the id."""
    rule = OperatorRule("groups", "staff", ("keys:read",))
    claims = {"sub": "u-1", "groups": ["staff"], "name": name}
    assert standing(claims, [rule], "name") == ("u-1", shown, rule)


def test_an_address_that_is_shown_in_part_has_the_id_behind_it() -> None:
    """A sign without a width, or a very long address: two addresses would look alike."""
    rule = OperatorRule("groups", "staff", ("keys:read",))
    for name, shown in (("ann\u200b@example.com", "ann@example.com (u-2)"), ("x" * 101, "x" * 100 + " (u-2)")):
        claims = {"sub": "u-2", "groups": ["staff"], "email": name, "email_verified": True}
        assert standing(claims, [rule], "email") == ("u-2", shown, rule)


@pytest.mark.parametrize(
    ("claim", "is_verified", "shown"),
    [
        ("email", True, "ann@example.com"),
        ("email", False, "ann@example.com (u-2)"),
        ("email", "true", "ann@example.com (u-2)"),
        ("email", None, "ann@example.com (u-2)"),
        ("nickname", True, "ann@example.com (u-2)"),
    ],
)
def test_only_a_verified_address_is_a_name_of_its_own(claim: str, is_verified: object, shown: str) -> None:
    """A person may give itself the name of another one at many providers, and events tell the two apart."""
    rule = OperatorRule("groups", "staff", ("keys:read",))
    claims = {"sub": "u-2", "groups": ["staff"], claim: "ann@example.com", "email_verified": is_verified}
    assert standing(claims, [rule], claim) == ("u-2", shown, rule)


def test_an_attempt_lasts_from_its_second_on() -> None:
    """For ten minutes."""
    cookie = begun(bytes(32), 1000.0)
    assert LASTS == 600
    assert read_attempt(cookie, 1000.0) == read_attempt(cookie, 1600.9) is not None
