"""The place in AWS that was asked, as errors show it: region, host and account; pure."""

from __future__ import annotations

from secretsource.providers._reach import place_of

__all__ = ["account_in", "words_of"]


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
