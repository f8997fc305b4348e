"""The place in AWS that is asked: region, host and account for errors, and the hosts that may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.providers._wire.origins import foreign, kept_back
from secretsource.providers._wire.reach import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers.base import Failed

__all__ = ["account_in", "distrust_in", "words_of"]

_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_SSM")


def words_of(region: str | None, endpoint_url: str | None, account: str | None) -> str:
    """Return one phrase, such as ``eu-west-1, account 111122223333``.

    Args:
        region: The region that was asked.
        endpoint_url: The URL that was asked, unless it is AWS's own choice.
        account: The account, if it is known.
    """
    words = region or "no region"
    if endpoint_url is not None:
        words += f" at {place_of(endpoint_url)}"
    return words if account is None else f"{words}, account {account}"


def account_in(location: str) -> str | None:
    """Return the account that a location names; only an ARN names it."""
    parts = location.split(":")
    return parts[4] if len(parts) > 5 and parts[0] == "arn" and parts[4].isdecimal() else None


def distrust_in(environ: Mapping[str, str], endpoint_url: str) -> Failed | None:
    """Return why this machine's credentials sign no call to a server in a file; None if they do.

    The server would get their session token, and every secret that is written.

    Args:
        environ: The environment.
        endpoint_url: The server.
    """
    ambient = [url for variable in _VARIABLES if (url := environ.get(variable))]
    return kept_back(foreign(endpoint_url, _DOMAINS, ambient))
