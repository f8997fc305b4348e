"""A vendor's own full address, given as a name, goes to the provider that it belongs to, or says what to write."""

from __future__ import annotations

import pytest

from secretsource import Resolver
from secretsource.exceptions import InvalidReference
from secretsource.providers._address import SCHEMES, refuse_url
from secretsource.providers._registry import DRIVERS
from secretsource.providers.base import SecretRef
from secretsource.providers.memory import MemoryProvider
from secretsource.providers.reference import format_reference, parse_reference

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/stripe-AbCdEf"
MANAGED = "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:rds!cluster-4f1d-AbCdEf"
PARAMETER = "arn:aws-us-gov:ssm:us-gov-west-1:111122223333:parameter/prod/db"
GOOGLE = "projects/shop/secrets/STRIPE"
CANARY = "canary-3c1a"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (SECRET, SecretRef("aws", SECRET)),
        (MANAGED, SecretRef("aws", MANAGED)),
        (f"{SECRET}#key", SecretRef("aws", SECRET, "key")),
        (f"{SECRET}:key::", SecretRef("aws", SECRET, "key")),
        (f"{SECRET}:key:AWSPREVIOUS:", SecretRef("aws", SECRET, "key", stage="AWSPREVIOUS")),
        (f"{SECRET}:::9d4c", SecretRef("aws", SECRET, version="9d4c")),
        (f"{SECRET}:::", SecretRef("aws", SECRET)),
        (f"aws://{SECRET}:key::?region=eu-west-1", SecretRef("aws", SECRET, "key", options=(("region", "eu-west-1"),))),
        (PARAMETER, SecretRef("aws-ssm", PARAMETER)),
        (f"{PARAMETER}:3", SecretRef("aws-ssm", PARAMETER, version="3")),
        (f"{PARAMETER}:live", SecretRef("aws-ssm", PARAMETER, stage="live")),
        (GOOGLE, SecretRef("gcp", GOOGLE)),
        (f"{GOOGLE}/versions/7", SecretRef("gcp", GOOGLE, version="7")),
        (f"{GOOGLE}/versions/latest", SecretRef("gcp", GOOGLE)),
        (
            "projects/1/locations/europe-west3/secrets/X/versions/2",
            SecretRef("gcp", "projects/1/locations/europe-west3/secrets/X", version="2"),
        ),
        (f"//secretmanager.googleapis.com/{GOOGLE}", SecretRef("gcp", GOOGLE)),
    ],
)
def test_address_goes_to_its_provider(text: str, ref: SecretRef) -> None:
    """The provider is the vendor's, and what the address says of field and version is taken out of it."""
    assert parse_reference(text) == ref
    assert parse_reference(format_reference(ref)) == ref


@pytest.mark.parametrize(
    "text",
    [
        "projects",
        "projects/shop",
        "projects/shop/secrets",
        "projects/shop/keys/X",
        "projects//secrets/X",
        "arn",
        "rds!x",
    ],
)
def test_what_is_no_address_stays_a_name(text: str) -> None:
    """A name that only begins like an address goes down the chain."""
    assert parse_reference(text) == SecretRef("", text)


@pytest.mark.parametrize("text", [f"vault://{GOOGLE}", f"memory://{SECRET}", "aws-eu://arn:aws:x:y"])
def test_named_provider_is_kept(text: str) -> None:
    """Whoever names a provider gets that one."""
    assert parse_reference(text).provider == text.partition(":")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"arn:aws:kms:eu-west-1:111122223333:key/{CANARY}", "not one of a secret or a parameter"),
        ("arn:aws:secretsmanager:eu-west-1:111122223333", "not one of a secret or a parameter"),
        (f"arn:{CANARY}", "not one of a secret or a parameter"),
        (f"{SECRET}:{CANARY}::x:y", "at most a key, a version label and a version id"),
        (f"{PARAMETER}:3:{CANARY}", "at most a version or a label"),
        (f"{SECRET}:{CANARY}::#other", "names one field, and the reference another"),
        (f"{GOOGLE}/versions/7?version=8", "names one version, and the reference another"),
        (f"https://shop.vault.azure.net/secrets/{CANARY}", "write azure://NAME"),
        (f"https://SHOP.VAULT.AZURE.NET/secrets/{CANARY}/0123", "write azure://NAME"),
        (f"https://shop.vault.usgovcloudapi.net/secrets/{CANARY}", "write azure://NAME"),
        (f"ARN:aws:secretsmanager:eu-west-1:111122223333:secret:{CANARY}", "not one of a secret or a parameter"),
        (f"@Microsoft.KeyVault(VaultName=shop;SecretName={CANARY})", "write azure://NAME"),
        (f"@Microsoft.KeyVault(SecretUri=https://shop.vault.azure.net/secrets/{CANARY})", "write azure://NAME"),
    ],
)
def test_address_that_cannot_be_followed(text: str, said: str) -> None:
    """The error says what to write instead, and quotes nothing."""
    with pytest.raises(InvalidReference, match=said) as caught:
        parse_reference(text)
    assert CANARY not in str(caught.value)


def test_weaker_source_does_not_answer() -> None:
    """A provider of the chain that has something under the address itself is not asked for it."""
    aws = MemoryProvider({SECRET: '{"key": "right"}'}, name="aws")
    with Resolver([MemoryProvider({SECRET: "wrong", f"{SECRET}:key::": "wrong"}), aws]) as resolver:
        assert resolver.get(f"{SECRET}:key::") == "right"


@pytest.mark.parametrize(
    "text", ["https://example.com/secrets/x", "vault.azure.net", "my-vault.vault.azure.net/secrets/x"]
)
def test_another_url_is_not_refused_as_one_of_azure(text: str) -> None:
    """Only a whole URL of a vault is."""
    try:
        refuse_url(text)
    except InvalidReference:
        pytest.fail("it is refused")


@pytest.mark.parametrize("text", ["https://v.vault.azure.net/secrets/x", "HTTPS://V.VAULT.AZURE.CN/secrets/x"])
def test_a_url_of_azure_is_refused(text: str) -> None:
    """In every cloud, and in either case."""
    with pytest.raises(InvalidReference, match="azure://NAME"):
        refuse_url(text)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:",
        "arn:aws:secretsmanager",
        "arn:aws:ssm:eu:1",
        "arn:aws:secretsmanager:eu:1:secret",
        "arn:aws:secretsmanager:eu:1:secret:",
    ],
)
def test_an_arn_that_ends_early_is_refused(arn: str) -> None:
    """Whatever is missing, it says what to write."""
    with pytest.raises(InvalidReference, match="write arn:aws"):
        parse_reference(arn)


@pytest.mark.parametrize(
    "text", ["projects/1/locations/eu", "projects/1/secrets/X/other/2", "projects/1/secrets/X/versions"]
)
def test_what_is_almost_an_address_of_google_is_a_name(text: str) -> None:
    """It goes to no provider by itself."""
    assert parse_reference(text) == SecretRef("", text)


def test_the_schemes() -> None:
    """They are those of the drivers here."""
    assert set(DRIVERS) == SCHEMES


@pytest.mark.parametrize(
    "text", [f"vault:secret/{CANARY}", f"FILE:/run/{CANARY}", f"env:{CANARY}", f"aws:{CANARY}#key"]
)
def test_a_reference_with_one_slash_too_few(text: str) -> None:
    """As a bare name it would be an absence, and a default or a weaker source would answer."""
    scheme = text.partition(":")[0].lower()
    for given in (text, f"ref+{text}"):
        with pytest.raises(InvalidReference, match=f"which is a provider: write {scheme}://LOCATION") as caught:
            parse_reference(given.removeprefix("ref+"))
        assert CANARY not in str(caught.value)
    assert parse_reference(f"memory://{text}").location == text.partition("#")[0]


@pytest.mark.parametrize("text", [f"${{{CANARY}}}", f"{{{{{CANARY}}}}}", "{{resolve:secretsmanager:x}}"])
def test_a_placeholder(text: str) -> None:
    """A template that nothing filled in names no secret."""
    with pytest.raises(InvalidReference, match="a placeholder of a template") as caught:
        parse_reference(text)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("text", ["vaults:x", "x:env", "a:b:c", "$env", "{x}", "projects:x", "arnx:1", "environment"])
def test_a_name_that_only_resembles_one(text: str) -> None:
    """Any other name is taken as it is."""
    assert parse_reference(text) == SecretRef("", text)
