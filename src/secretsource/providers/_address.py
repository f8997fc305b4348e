"""A vendor's own full address, given where a name stands: to which provider it belongs.

    arn:aws:secretsmanager:eu-west-1:111122223333:secret:stripe-AbCdEf          aws://arn:…
    arn:aws:secretsmanager:eu-west-1:111122223333:secret:stripe-AbCdEf:key::    aws://arn:…#key, as Amazon ECS writes it
    arn:aws:ssm:eu-west-1:111122223333:parameter/prod/db                        aws-ssm://arn:…
    projects/P/secrets/X/versions/3                                             gcp://projects/P/secrets/X?version=3
    https://V.vault.azure.net/secrets/X                                         an error that says to write azure://X

No other provider could have such a name, so it must not go down a chain: the mistake would look like an absence.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.exceptions import InvalidReference
from secretsource.providers.base import SecretRef

__all__ = ["SCHEMES", "belonging", "refuse_url"]

SCHEMES = frozenset({"agent", "aws", "aws-ssm", "azure", "dotenv", "env", "file", "gcp", "memory", "vault"})
"""The schemes of the drivers here, which a reference has before ``://``."""

_GCP = "//secretmanager.googleapis.com/"
_KEY_VAULTS = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net", ".vault.microsoftazure.de")
_OWNERS = frozenset({"", "aws", "aws-ssm"})


def belonging(ref: SecretRef) -> SecretRef:
    """Return the reference to the provider that an address belongs to; other text stays as it is.

    Args:
        ref: A bare name, or a reference to AWS, whose location may be an ARN with a field and a version in it.

    Raises:
        InvalidReference: The address is cut short, or of a service that keeps no secrets.
    """
    location = ref.location
    if location[:4].lower() == "arn:":
        return _of_arn(ref) if ref.provider in _OWNERS else ref
    if ref.provider:
        return ref
    if location.startswith(("projects/", _GCP)):
        return _of_google(ref, location.removeprefix(_GCP))
    _refuse_no_name(location)
    return ref


def _refuse_no_name(location: str) -> None:
    """Refuse a reference that is cut short, and a placeholder that nothing has filled in: neither is an absence."""
    scheme, colon, _ = location.partition(":")
    if colon and scheme.lower() in SCHEMES:
        raise InvalidReference(
            f"the name starts with '{scheme}:', which is a provider: write {scheme.lower()}://LOCATION, "
            f"or, if a secret is really called so, its provider before it"
        )
    if location.startswith(("${", "{{")) and location.endswith("}"):
        raise InvalidReference("the name is a placeholder of a template: give the name that the template puts there")


def refuse_url(text: str) -> None:
    """Refuse the URL of a secret in Azure Key Vault, whose vault is a setting here, and say what to write instead.

    Raises:
        InvalidReference: The text is such a URL, also as App Service writes it.
    """
    lowered = text.lower()
    is_url = "https://" in lowered and any(host in lowered for host in _KEY_VAULTS)
    if is_url or lowered.startswith("@microsoft.keyvault("):
        raise InvalidReference(
            "the name is the URL of a secret in Azure Key Vault: write azure://NAME or azure://NAME?version=VERSION, "
            "and give the vault as vault_url of the provider"
        )


def _of_arn(ref: SecretRef) -> SecretRef:
    parts = ref.location.split(":")
    service = parts[2] if len(parts) > 2 else ""
    if parts[0] != "arn":
        service = ""  # AWS takes it in lower case only
    if service == "secretsmanager" and len(parts) > 6 and parts[5] == "secret" and parts[6]:
        return _of_secrets_manager(ref, parts)
    if service == "ssm" and len(parts) > 5 and parts[5].startswith("parameter/"):
        return _of_parameter_store(ref, parts)
    raise InvalidReference(
        "the name is an ARN, but not one of a secret or a parameter: write "
        "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME"
    )


def _of_secrets_manager(ref: SecretRef, parts: list[str]) -> SecretRef:
    """Read what Amazon ECS writes behind an ARN: a key of the JSON document, a version label and a version id."""
    given = [*(part or None for part in parts[7:]), None, None, None]
    if len(parts) > 10:
        raise InvalidReference("the ARN must have at most a key, a version label and a version id behind it")
    key, stage, version = given[:3]
    return ref._replace(
        provider="aws",
        location=":".join(parts[:7]),
        field=_one("field", ref.field, key),
        stage=_one("stage", ref.stage, stage),
        version=_one("version", ref.version, version),
    )


def _of_parameter_store(ref: SecretRef, parts: list[str]) -> SecretRef:
    """Read what AWS writes behind the name of a parameter: a version, which is a number, or a label."""
    if len(parts) > 7:
        raise InvalidReference("the ARN must have at most a version or a label behind the parameter")
    selector = parts[6] if len(parts) > 6 and parts[6] else None
    version, stage = (selector, None) if selector and selector.isdecimal() else (None, selector)
    return ref._replace(
        provider="aws-ssm",
        location=":".join(parts[:6]),
        stage=_one("stage", ref.stage, stage),
        version=_one("version", ref.version, version),
    )


def _of_google(ref: SecretRef, location: str) -> SecretRef:
    parts = location.split("/")
    regional = len(parts) > 4 and parts[2] == "locations"
    rest = parts[4:] if regional else parts[2:]
    if not all(parts) or len(rest) not in {2, 4} or rest[0] != "secrets" or rest[2:3] not in ([], ["versions"]):
        return ref
    version = rest[3] if len(rest) == 4 and rest[3] != "latest" else None
    path = "/".join(parts[: -2 if len(rest) == 4 else None])
    return ref._replace(provider="gcp", location=path, version=_one("version", ref.version, version))


def _one(what: str, given: str | None, within: str | None) -> str | None:
    if given and within and given != within:
        raise InvalidReference(f"the address names one {what}, and the reference another: name it once")
    return given or within
