"""The credentials that sign our calls: one thread finds them, and all others use them.

botocore looks for credentials when it makes a client, and renews them when it signs a call: in the caller's thread,
behind a lock without a timeout. Here a client signs with the result of the last search. So no call waits for a metadata
service or a program past its own deadline.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from secretsource.providers._aws.errors import NO_CREDENTIALS
from secretsource.providers._aws.wiring import explain_search
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FoundCredentials", "HandedCredentials", "find_credentials"]

SOON = 60
"""Seconds before the end of credentials from which a call waits for new ones."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_PARTS = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "token": "AWS_SESSION_TOKEN",
}


class FoundCredentials:
    """The result of a search.

    Args:
        source: The object of botocore, which renews itself.
        frozen: Access key, secret key, token and account, as one tuple.
    """

    __slots__ = ("frozen", "source")

    def __init__(self, source: Any, frozen: Any) -> None:
        self.source = source
        self.frozen = frozen

    @property
    def ends_soon(self) -> bool:
        """Whether a call must wait for newer credentials."""
        return self._ends_within(SOON)

    @property
    def may_be_renewed(self) -> bool:
        """Whether botocore would renew them now, without making a caller wait."""
        return self._ends_within(None)

    def renewed(self) -> FoundCredentials | Failed:
        """Ask the source anew, which may take long."""
        return _froze(self.source)

    def _ends_within(self, seconds: int | None) -> bool:
        needed: Callable[[int | None], bool] | None = getattr(self.source, "refresh_needed", None)
        return needed is not None and needed(seconds)


class HandedCredentials:
    """The credentials of our botocore clients: they are read here, and never looked for.

    Attributes:
        found: The result of the last search; None before the first.
    """

    found: FoundCredentials | None = None

    def load_credentials(self) -> HandedCredentials:
        """Do the same as the chain of botocore that a session asks."""
        return self

    @property
    def method(self) -> str | None:
        """The source of the credentials, in botocore's words."""
        return None if self.found is None else getattr(self.found.source, "method", None)

    @property
    def account(self) -> str | None:
        """The account of the credentials, if their source names it."""
        return getattr(self.get_frozen_credentials(), "account_id", None)

    def get_frozen_credentials(self) -> Any:
        """Return the values that a signature is made with."""
        return None if self.found is None else self.found.frozen

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        """Return a function that returns one of them."""
        return lambda: getattr(self.get_frozen_credentials(), name, None)


def find_credentials(profile: str | None, prepare: Callable[[Any], None]) -> FoundCredentials | Failed:
    """Look for credentials as boto3 does, starting from the current files and environment; this may take long.

    Args:
        profile: A profile of ``~/.aws/config``; None for boto3's own choice.
        prepare: Called with the botocore session that makes the search.
    """
    try:
        from botocore.session import get_session

        core: Any = get_session()
        if profile is not None:
            core.set_config_variable("profile", profile)
        prepare(core)
        _ask_on_a_terminal_only(core)
        source = core.get_credentials()
    except Exception as error:
        return explain_search(error)
    return NO_CREDENTIALS if source is None else _froze(source)


def _ask_on_a_terminal_only(core: Any) -> None:
    """Let botocore ask for an MFA code where somebody can see it; without a terminal it would read standard input."""
    provider = core.get_component("credential_provider").get_provider("assume-role")
    if hasattr(provider, "_prompter"):
        provider._prompter = typed


def typed(prompt: str) -> str:
    """Return what somebody types on the terminal, unseen.

    Raises:
        EOFError: There is no terminal.
    """
    import getpass

    if os.name == "posix":
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            raise EOFError from None
    return getpass.getpass(prompt)


def _froze(source: Any) -> FoundCredentials | Failed:
    try:
        frozen = source.get_frozen_credentials()
    except Exception as error:
        return explain_search(error)
    return _flaw_of(frozen) or FoundCredentials(source, frozen)


def _flaw_of(frozen: Any) -> Failed | None:
    """Return why a header cannot carry the credentials, or None; a file written by ``echo`` ends in a line break."""
    for part, variable in _PARTS.items():
        text = getattr(frozen, part, None)
        if text and not _SENDABLE.fullmatch(text):
            what = part.replace("_", " ").replace("token", "session token")
            return Failed(
                FailureCode.UNAUTHENTICATED,
                f"the AWS {what} contains a line break, a blank or another character that no header can carry",
                f"remove it from {variable}, or from the file or program that gives the credentials",
            )
    return None
