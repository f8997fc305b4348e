"""AWS Secrets Manager: ``aws://payments/stripe#secret_key?stage=AWSPREVIOUS``, or an ARN after ``aws://``.

Wire calls and permissions. To read: ``GetSecretValue`` (`secretsmanager:GetSecretValue`, and `kms:Decrypt` for a secret
under a key of your own). For several: ``BatchGetSecretValue`` (`secretsmanager:BatchGetSecretValue`, which IAM grants
on the resource ``*`` only, beside GetSecretValue for each). With ``rotation_hints``: ``DescribeSecret``
(`secretsmanager:DescribeSecret`). To write: ``CreateSecret`` and ``PutSecretValue`` (`secretsmanager:CreateSecret`,
`secretsmanager:PutSecretValue`). https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from __future__ import annotations

import re
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource.providers._aws.errors import explain_code
from secretsource.providers._aws.provider import AwsServiceProvider, malformed, region_of
from secretsource.providers._meaning import told_with_place
from secretsource.providers._wire.bounded_http import BATCH
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, Occupied, Stored, WritableProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session

    from secretsource.providers.base import Outcome, SecretRef, Written

__all__ = ["AwsProvider"]

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class AwsProvider(AwsServiceProvider, WritableProvider):
    """Secrets of AWS Secrets Manager.

    The stage ``AWSCURRENT`` is always asked for by name: a policy with a condition on
    ``secretsmanager:VersionStage`` refuses the call that leaves it out.

    Args:
        rotation_hints: Also ask when the next rotation is planned, so that the value is refreshed then. This is one
            more call per fetch, and its failure does not fail the fetch.
        region: As for `AwsServiceProvider`; so are the other settings.
    """

    scheme = "aws"
    service = "secretsmanager"
    batch_size = 20
    name_rule = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")

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
        rotation_hints: bool = False,
        session: Session | None = None,
        client: Any = None,
    ) -> None:
        super().__init__(
            name=name,
            region=region,
            profile=profile,
            prefix=prefix,
            document=document,
            endpoint_url=endpoint_url,
            trust_address=trust_address,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            attempts=attempts,
            session=session,
            client=client,
        )
        self._rotation_hints = rotation_hints

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:  # noqa: ARG002 - AWS knows it by itself
        """Return the version that AWS labelled AWSPREVIOUS when the current one took its place."""
        if ref.version is not None or ref.stage not in {None, CURRENT}:
            return None
        return ref._replace(stage=PREVIOUS)

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Call ``CreateSecret``, or ``PutSecretValue`` for an existing secret; the new version is AWSCURRENT."""
        refusal = self.refusal(ref)
        if refusal is not None:
            return refusal
        if not value:
            return Failed(FailureCode.MALFORMED, "a secret of AWS has at least one character", "store no empty value")
        written = self._store(ref, value, overwrite=overwrite, deadline=monotonic() + timeout)
        if not isinstance(written, Failed):
            return written
        return told_with_place(written, self._clients.place(region_of(ref), ref.location))

    def _store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool, deadline: float) -> Written:
        content: dict[str, object] = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
        if overwrite:
            answer = self._put("put_secret_value", ref, deadline, SecretId=ref.location, **content)
            if not isinstance(answer, NotFound):
                return answer
        answer = self._put("create_secret", ref, deadline, Name=ref.location, **content)
        if isinstance(answer, Failed) and answer.sdk_error == "ResourceExistsException":
            there = self._ask_one(ref, deadline)
            if not isinstance(there, NotFound):
                return Occupied() if isinstance(there, Found) else there
            answer = self._put("put_secret_value", ref, deadline, SecretId=ref.location, **content)
        return Failed(FailureCode.UNAVAILABLE, "it went away meanwhile") if isinstance(answer, NotFound) else answer

    def _put(self, operation: str, ref: SecretRef, deadline: float, **content: Any) -> Stored | NotFound | Failed:
        answer = self._clients.ask(operation, region=region_of(ref), deadline=deadline, **content)
        if isinstance(answer, (NotFound, Failed)):
            return answer
        return Stored(answer["VersionId"]) if answer.get("VersionId") else malformed("the answer names no version")

    def _ask_one(self, ref: SecretRef, deadline: float) -> Outcome:
        if ref.version is not None and not 32 <= len(ref.version) <= 64:
            return NotFound("a version id of AWS has 32 to 64 characters")
        region = region_of(ref)
        question: dict[str, Any] = {"SecretId": ref.location}
        if ref.version is not None:
            question["VersionId"] = ref.version
        if ref.version is None or ref.stage is not None:
            question["VersionStage"] = ref.stage or CURRENT
        answer = self._clients.ask("get_secret_value", region=region, deadline=deadline, **question)
        if isinstance(answer, (NotFound, Failed)):
            return answer
        outcome = _read(answer)
        if self._rotation_hints and ref.version is None and ref.stage in {None, CURRENT}:
            self._hint(outcome, region, ref.location, deadline)
        return outcome

    def _ask_many(
        self, region: str | None, locations: list[str], deadline: float
    ) -> Mapping[str, Outcome] | NotFound | Failed:
        outcomes: dict[str, Outcome] = {}
        page: dict[str, Any] = {}
        while True:
            answer = self._clients.ask(
                "batch_get_secret_value", region=region, deadline=deadline, size=BATCH, SecretIdList=locations, **page
            )
            if isinstance(answer, (NotFound, Failed)):
                return answer
            outcomes |= _read_page(answer, locations)
            if not answer.get("NextToken"):
                break
            page = {"NextToken": answer["NextToken"]}
        if self._rotation_hints:
            for location, outcome in outcomes.items():
                self._hint(outcome, region, location, deadline)
        return outcomes

    def _hint(self, outcome: Outcome, region: str | None, location: str, deadline: float) -> None:
        """Add the planned rotation to a value, if it can be obtained."""
        if not isinstance(outcome, Found):
            return
        answer = self._clients.ask("describe_secret", region=region, deadline=deadline, SecretId=location)
        if not isinstance(answer, (NotFound, Failed)):
            outcome.rotates_at = _seconds(answer.get("NextRotationDate"))


def _read_page(answer: Mapping[str, Any], locations: list[str]) -> dict[str, Outcome]:
    """Return the outcomes in one page of a batch, for the locations asked, which are names or ARNs.

    A batch cannot ask for a stage; an entry of another stage than AWSCURRENT must be asked for alone.
    """
    outcomes: dict[str, Outcome] = {}
    wanted = set(locations)
    for entry in answer.get("SecretValues", ()):
        if CURRENT in entry.get("VersionStages", ()):
            for location in (entry.get("Name"), entry.get("ARN")):
                if location in wanted:
                    outcomes[location] = _read(entry)
    for problem in answer.get("Errors", ()):
        outcomes[problem.get("SecretId", "")] = explain_code(
            problem.get("ErrorCode", ""), problem.get("Message", ""), action="secretsmanager:GetSecretValue"
        )
    return outcomes


def _seconds(date: object) -> float | None:
    """Return a date in seconds since 1970: a number as sent, or a datetime from a session that you passed in."""
    if isinstance(date, datetime):
        return date.timestamp()
    return float(date) if isinstance(date, (int, float)) else None


def _read(entry: Mapping[str, Any]) -> Found | Failed:
    """Return the value of an answer, which holds either text or bytes."""
    text, binary = entry.get("SecretString"), entry.get("SecretBinary")
    if isinstance(text, str) and binary is None:
        return Found(text, version=entry.get("VersionId"))
    if isinstance(binary, bytes) and text is None:
        return Found(binary, version=entry.get("VersionId"))
    return malformed("the answer holds neither text nor bytes, or both")
