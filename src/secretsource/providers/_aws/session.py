"""The boto3 session of one provider: its configuration, its credentials, and its clients.

A session of our own signs with the credentials that one thread found (see `credentials`). When AWS rejects them, files
and environment are read anew, at most once in `RENEWAL_PAUSE` seconds: short-lived keys are replaced on disk under a
running process. A session that you pass in manages its own credentials.
"""

from __future__ import annotations

import os
from functools import partial
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource._ground.imports import load
from secretsource.providers._aws.credentials import FoundCredentials, HandedCredentials, find_credentials
from secretsource.providers._aws.wire import make_stay_here
from secretsource.providers.base import Failed

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

    from secretsource.providers._wire.errand import Errands

__all__ = ["AwsSession"]

RENEWAL_PAUSE = 5.0
"""Seconds between two searches that a rejection by AWS started."""

ADVANCE_PAUSE = 30.0
"""Seconds between two renewals ahead of time."""


class AwsSession:
    """A maker of clients that stores the credentials that they sign with.

    Args:
        errands: The runner of slow work.
        region: The region of references that name none; None for boto3's own choice, then ``AWS_REGION``.
        profile: A profile of ``~/.aws/config``; None for boto3's own choice.
        endpoint_url: Where to connect, for a VPC endpoint or an emulator; None for boto3's own choice.
        config: Settings for botocore's ``Config``.
        given: A ready-made session.
    """

    def __init__(
        self,
        errands: Errands,
        *,
        region: str | None,
        profile: str | None,
        endpoint_url: str | None,
        config: dict[str, Any],
        given: Session | None,
    ) -> None:
        self._errands = errands
        self._region = region
        self._profile = profile
        self._endpoint_url = endpoint_url
        self._settings = config
        self._given = given
        self._lock = RLock()
        self._session: Session | None = None
        self._default_region: str | None = None
        self._handed = HandedCredentials()
        self._next_renewal = self._next_advance = 0.0

    @property
    def account(self) -> str | None:
        """The account of the credentials, if it is known without a call."""
        return self._handed.account

    @property
    def signature(self) -> object:
        """The values that sign calls now; they change with the credentials."""
        return self._handed.get_frozen_credentials()

    def failure(self, deadline: float) -> Failed | None:
        """Return why no call can be signed, or None; wait for a search until ``deadline`` at most.

        Raises:
            TimeoutError: The search is still running.
        """
        if self._given is not None:
            return None
        found = self._handed.found
        if found is None:
            return self._errands.result("credentials", self._search, deadline)
        if found.ends_soon:
            return self._errands.result("credentials", partial(self._extend, found), deadline)
        if found.may_be_renewed and self._is_time_to_advance():
            self._errands.begin("credentials", partial(self._extend, found))
        return None

    def renew(self, signature: object, deadline: float) -> bool:
        """Look for credentials other than those that AWS rejected; return whether there are any.

        Args:
            signature: The values that signed the rejected call.
            deadline: Monotonic seconds at which to stop waiting.

        Raises:
            TimeoutError: The search is still running.
        """
        if self._given is not None:
            return False
        with self._lock:
            now = monotonic()
            if self.signature == signature and now >= self._next_renewal:
                self._next_renewal = now + RENEWAL_PAUSE
                self._errands.begin("credentials", self._search)
        self._errands.join("credentials", deadline)
        return self.signature != signature

    def known_region(self, wanted: str | None) -> str | None:
        """Return the region of a call, as far as it is known by now."""
        return wanted or self._region or self._default_region

    def read_region(self) -> str | None:
        """Return the default region, from boto3's configuration."""
        self._default_region = self._configured().region_name or os.environ.get("AWS_REGION")
        return self._default_region

    def client(self, service: str, region: str | None) -> Any:
        """Return a new client, which may take a while to make."""
        make: Any = self._configured().client  # typed per service, where our service is a variable
        # The drivers write every parameter themselves; validating each again costs a fiftieth of a call's work.
        config = self._config(parameter_validation=False)
        return make(service, region_name=region, endpoint_url=self.endpoint_of(service), config=config)

    def endpoint_of(self, service: str) -> str | None:
        """Return the URL of a service; an endpoint inside AWS has one service only, an emulator has them all."""
        url = self._endpoint_url
        other = url is not None and not service.startswith(("secretsmanager", "ssm")) and ".amazonaws.com" in url
        return None if other else url

    def _configured(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._given or self._new_session()
            return self._session

    def _new_session(self) -> Session:
        load("boto3.session")
        from boto3.session import Session
        from botocore.session import get_session

        core = get_session()
        # Dates stay as sent, as in the AWS CLI: each secret has an unused date, and converting it would cost a fifth of
        # a batch's time.
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_as_sent)
        core.register_component("credential_provider", self._handed)
        return Session(botocore_session=core, profile_name=self._profile)

    def _config(self, **more: Any) -> Config:
        from botocore.config import Config

        return Config(**self._settings, **more)

    def _search(self) -> Failed | None:
        return self._keep(find_credentials(self._profile, self._prepare_search))

    def _extend(self, found: FoundCredentials) -> Failed | None:
        """Ask the source for later credentials; if the source has become useless, look for another."""
        renewed = found.renewed()
        if isinstance(renewed, Failed) and not renewed.retryable:
            return self._search()
        return self._keep(renewed)

    def _prepare_search(self, core: Any) -> None:
        """Prepare the calls that fetch credentials, such as AssumeRole: they are bounded, and go to our region."""
        core.set_default_client_config(self._config())
        make_stay_here(core)
        region = self.known_region(None) or os.environ.get("AWS_REGION")  # which botocore does not read
        if region is not None and core.get_config_variable("region") is None:
            core.set_config_variable("region", region)

    def _keep(self, found: FoundCredentials | Failed) -> Failed | None:
        if isinstance(found, Failed):
            return found
        self._handed.found = found
        return None

    def _is_time_to_advance(self) -> bool:
        with self._lock:
            now = monotonic()
            if now < self._next_advance:
                return False
            self._next_advance = now + ADVANCE_PAUSE
            return True


def _as_sent(date: Any) -> Any:
    return date
