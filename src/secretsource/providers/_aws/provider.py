"""The shared base of the two AWS drivers: settings, names, regions, and the splitting of a batch."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from time import monotonic, time
from typing import TYPE_CHECKING, Any, ClassVar

from secretsource.exceptions import ConfigurationError
from secretsource.providers._aws.client import AwsClients
from secretsource.providers._meaning import told_with_place
from secretsource.providers.base import (
    BatchProvider,
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    Identity,
    NotFound,
    SecretRef,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from boto3.session import Session

    from secretsource.providers.base import Outcome

__all__ = ["AwsServiceProvider", "malformed", "region_of"]

_ARN_REGION = re.compile(r"arn:[^:]+:[^:]+:([a-z0-9-]+):")
_OF_THE_SERVICE = frozenset(
    {
        FailureCode.TIMEOUT,
        FailureCode.THROTTLED,
        FailureCode.UNAVAILABLE,
        FailureCode.UNAUTHENTICATED,
        FailureCode.MALFORMED,
    }
)
"""Failures of a batch that a call for each secret alone would meet again."""


class AwsServiceProvider(BatchProvider, IdentifiedProvider):
    """A provider over one AWS service; each driver says how to ask for one secret and for several.

    Args:
        region: The region of names and of references that give none; None for boto3's own choice, then ``AWS_REGION``.
        profile: A profile of ``~/.aws/config``, which may also assume a role (``role_arn``, ``external_id``).
        prefix: Put before a bare name, such as ``prod/``; explicit references are taken as they are.
        document: One JSON document that holds every bare name as a field.
        endpoint_url: Where to connect, for a VPC endpoint or an emulator.
        trust_address: Whether credentials found on this machine may sign calls to an ``endpoint_url`` that is neither
            of AWS, nor this machine, nor in ``AWS_ENDPOINT_URL``; False unless said in a configuration file.
        connect_timeout: Seconds to connect to one address, at most.
        read_timeout: Seconds that one answer may take, from its first byte to its last, at most.
        attempts: Attempts in all, 1 or more, in botocore's ``standard`` retry mode.
        session: A ready-made `boto3.session.Session` to make clients from.
        client: A ready-made boto3 client; it serves its own region only, and after a fork it is used as it is.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    url_setting = "prefix"
    options = frozenset({"region"})
    credentials = frozenset(
        {
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_SECURITY_TOKEN",
            "AWS_PROFILE",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        }
    )
    service: ClassVar[str]
    """The service's name in boto3, which is also the prefix of its permissions."""
    batch_size: ClassVar[int]
    """How many secrets the service takes in one call."""
    name_rule: ClassVar[re.Pattern[str]]
    """The names that the service can hold."""

    def __init__(
        self,
        *,
        name: str | None = None,
        region: str | None = None,
        profile: str | None = None,
        prefix: str = "",
        document: str | None = None,
        endpoint_url: str | None = None,
        trust_address: bool = True,
        connect_timeout: float = 1.0,
        read_timeout: float = 2.0,
        attempts: int = 2,
        session: Session | None = None,
        client: Any = None,
    ) -> None:
        super().__init__(name=name)
        if attempts < 1 or connect_timeout <= 0 or read_timeout <= 0:
            raise ConfigurationError(
                f"provider {self.name!r}: attempts must be 1 or more, and connect_timeout and read_timeout more than 0"
            )
        if session is not None and client is not None:
            raise ConfigurationError(f"provider {self.name!r}: give a session or a client, not both")
        self._region = region
        self._prefix = prefix
        self._document = document
        self._clients = AwsClients(
            self.service,
            region=region,
            profile=profile,
            endpoint_url=endpoint_url,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            attempts=attempts,
            session=session,
            client=client,
            trusted=trust_address,
        )
        self._without_batch: set[str | None] = set()

    @property
    def site(self) -> str:
        """The region, if it is known without boto3, which may find another in a profile."""
        return self._region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return a field of the document if it is set, else the prefix and the name, if AWS allows such a name."""
        if self._document is not None:
            return SecretRef(self.name, self._document, field=name)
        location = self._prefix + name
        if self.name_rule.fullmatch(location) is None:
            return NotFound("AWS allows no such name")
        return SecretRef(self.name, location)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask for one secret, in the region of its ARN, of its ``region`` option, or of the settings."""
        return self._told(ref, self._ask_one(ref, monotonic() + timeout))

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        """Ask for current versions in batches per region, and for the rest in single calls.

        Three kinds take single calls. A batch cannot express a reference with a version or stage. A batch may leave an
        entry unanswered. A batch may be refused as a whole, because it needs its own permission; its region is then
        sent no other batch.
        """
        deadline = monotonic() + timeout
        outcomes: dict[SecretRef, Outcome] = {}
        for region, places in self._batches(refs):
            answers = self._ask_batch(region, list(places), deadline)
            for location, asking in places.items():
                if location in answers:
                    for ref in asking:
                        outcomes[ref] = self._told(ref, answers[location])
        for ref in refs:
            if ref not in outcomes:
                outcomes[ref] = self._told(ref, self._ask_one(ref, deadline))
        return outcomes

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Ask STS for ``GetCallerIdentity``, which needs no permission: the ARN of the user or the assumed role."""
        answer = self._clients.ask("get_caller_identity", service="sts", region=None, deadline=monotonic() + timeout)
        if isinstance(answer, NotFound):
            return malformed("STS gave no identity")
        if isinstance(answer, Failed):
            return told_with_place(answer, self._clients.place(None, ""))
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return Identity.dated(str(answer.get("Arn")), headers.get("date"), time())

    def close(self) -> None:
        """Close the connections of the clients made here; a ready-made client stays open."""
        self._clients.close()

    def reset(self) -> None:
        """Forget session and clients without using them; a ready-made client is kept."""
        self._clients.reset()
        self._without_batch = set()

    def _told(self, ref: SecretRef, outcome: Outcome) -> Outcome:
        """Return an outcome, with the place asked in its reason."""
        if isinstance(outcome, Found):
            return outcome
        return told_with_place(outcome, self._clients.place(region_of(ref), ref.location))

    def _batches(self, refs: Sequence[SecretRef]) -> list[tuple[str | None, dict[str, list[SecretRef]]]]:
        """Return the locations that can share a call, each with the references to it."""
        places: dict[str | None, dict[str, list[SecretRef]]] = {}
        for ref in refs:
            region, is_current = region_of(ref), ref.version is None and ref.stage is None
            if is_current and region not in self._without_batch:
                places.setdefault(region, {}).setdefault(ref.location, []).append(ref)
        return [
            (region, dict(list(locations.items())[start : start + self.batch_size]))
            for region, locations in places.items()
            if len(locations) > 1
            for start in range(0, len(locations), self.batch_size)
        ]

    def _ask_batch(self, region: str | None, locations: list[str], deadline: float) -> Mapping[str, Outcome]:
        """Return location to outcome; a missing location must be asked for alone."""
        if region in self._without_batch:
            return {}
        answers = self._ask_many(region, locations, deadline)
        if not isinstance(answers, (NotFound, Failed)):
            return answers
        if isinstance(answers, Failed) and answers.code in _OF_THE_SERVICE:
            return dict.fromkeys(locations, answers)
        if isinstance(answers, Failed) and answers.code is FailureCode.DENIED:
            self._without_batch.add(region)
        return {}

    @abstractmethod
    def _ask_one(self, ref: SecretRef, deadline: float) -> Outcome:
        """Make one call for one reference; it must end at ``deadline``, in monotonic seconds."""

    @abstractmethod
    def _ask_many(
        self, region: str | None, locations: list[str], deadline: float
    ) -> Mapping[str, Outcome] | NotFound | Failed:
        """Make one call for the current versions of up to ``batch_size`` locations, or return why it failed."""


def region_of(ref: SecretRef) -> str | None:
    """Return the region of a reference: its ARN's, else its option. Only its own region knows an ARN."""
    arn = _ARN_REGION.match(ref.location) if ref.location.startswith("arn:") else None
    return arn[1] if arn else ref.option("region")


def malformed(reason: str) -> Failed:
    """Return the failure of an answer that is not in the promised form."""
    return Failed(FailureCode.MALFORMED, reason, "check that endpoint_url, and no proxy, answers")
