"""AWS Systems Manager Parameter Store: ``aws-ssm:///prod/db#password?version=3``, or an ARN after ``aws-ssm://``.

Wire calls and permissions: ``GetParameter`` (`ssm:GetParameter`, and `kms:Decrypt` for a SecureString under a key of
your own); ``GetParameters`` for several (`ssm:GetParameters`). A version is a number; a stage is a label.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from secretsource.providers._aws.provider import AwsServiceProvider, malformed, region_of
from secretsource.providers._wire.bounded_http import BATCH
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers.base import Outcome

__all__ = ["AwsParameterProvider"]

_SELECTED = re.compile(r"(?P<name>/[^:]+):(?:(?P<version>[0-9]{1,18})|(?P<label>[A-Za-z_][A-Za-z0-9_.-]{0,99}))")
"""A name in a hierarchy with the version or the label that AWS takes behind it."""


class AwsParameterProvider(AwsServiceProvider):
    """Parameters of AWS Systems Manager, decrypted; a StringList is its comma-separated text.

    A name with a slash inside starts with a slash, which is added if you omit it. Behind a name that starts with one,
    AWS writes a version or a label, as in ``/prod/db:3``.
    """

    scheme = "aws-ssm"
    service = "ssm"
    batch_size = 10
    name_rule = re.compile(r"[A-Za-z0-9/_.-]{1,1011}")

    def locate(self, name: str) -> SecretRef | NotFound:
        """Locate as every AWS provider does, with the leading slash of a name in a hierarchy, and what is behind it."""
        selected = None if self._document is not None else _SELECTED.fullmatch(name)
        located = super().locate(name if selected is None else selected["name"])
        if not isinstance(located, SecretRef):
            return located
        place = self.complete(located)
        return place if selected is None else place._replace(version=selected["version"], stage=selected["label"])

    def complete(self, ref: SecretRef) -> SecretRef:
        """Add the leading slash of a name in a hierarchy."""
        if "/" not in ref.location or ref.location.startswith(("/", "arn:")):
            return ref
        return ref._replace(location=f"/{ref.location}")

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return the version whose number is one less."""
        number = current.version or ""
        if not number.isdecimal() or int(number) < 2:
            return None
        return ref._replace(version=str(int(number) - 1), stage=None)

    def _ask_one(self, ref: SecretRef, deadline: float) -> Outcome:
        if ref.version is not None and ref.stage is not None:
            return Failed(
                FailureCode.MISCONFIGURED,
                "a parameter is asked for by version or by label, not by both",
                "remove one of the two from the reference",
            )
        if ref.version is not None and not ref.version.isdecimal():
            return NotFound("a version of a parameter is a number")
        selector = ref.version or ref.stage
        answer = self._clients.ask(
            "get_parameter",
            region=region_of(ref),
            deadline=deadline,
            Name=ref.location if selector is None else f"{ref.location}:{selector}",
            WithDecryption=True,
        )
        if isinstance(answer, (NotFound, Failed)):
            return answer
        return _read(answer.get("Parameter", {}))

    def _ask_many(
        self, region: str | None, locations: list[str], deadline: float
    ) -> Mapping[str, Outcome] | NotFound | Failed:
        answer = self._clients.ask(
            "get_parameters", region=region, deadline=deadline, size=BATCH, Names=locations, WithDecryption=True
        )
        if isinstance(answer, (NotFound, Failed)):
            return answer
        outcomes: dict[str, Outcome] = {missing: NotFound() for missing in answer.get("InvalidParameters", ())}
        wanted = set(locations)
        for parameter in answer.get("Parameters", ()):
            for location in (parameter.get("Name"), parameter.get("ARN")):
                if location in wanted:
                    outcomes[location] = _read(parameter)
        return outcomes


def _read(parameter: Mapping[str, Any]) -> Found | Failed:
    value, version = parameter.get("Value"), parameter.get("Version")
    if not isinstance(value, str):
        return malformed("the answer holds no value")
    return Found(value, version=None if version is None else str(version))
