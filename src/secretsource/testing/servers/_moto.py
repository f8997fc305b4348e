"""The corrections of moto to AWS's behaviour, and its refusals: changes to its model, for the whole process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Generator

    from moto.secretsmanager.models import SecretsManagerBackend
    from moto.ssm.models import SimpleSystemManagerBackend

__all__ = ["finished_rotations", "refused_parameter", "refused_secret"]

DENIED = "AccessDeniedException"


@contextmanager
def finished_rotations() -> Generator[None]:
    """Make moto serve the new value once AWSCURRENT has moved to it, as AWS does.

    moto moves the label, but still returns the old version without a stage, and in every batch.
    """
    from moto.secretsmanager.models import SecretsManagerBackend

    move = SecretsManagerBackend.update_secret_version_stage

    def move_and_serve(
        self: SecretsManagerBackend,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str,
        move_to_version_id: str,
    ) -> tuple[str, str]:
        moved = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        secret: Any = self.secrets[secret_id]
        if version_stage == "AWSCURRENT" and move_to_version_id:
            secret.set_default_version_id(move_to_version_id)
        return moved

    with patch.object(SecretsManagerBackend, "update_secret_version_stage", move_and_serve):
        yield


@contextmanager
def refused_secret(location: str) -> Generator[None]:
    """Deny one secret, as its policy would: a call for several returns the others."""
    from moto.secretsmanager.exceptions import InvalidRequestException, SecretsManagerClientError
    from moto.secretsmanager.models import SecretsManagerBackend

    class Refused(InvalidRequestException):
        """An error that moto's batch reports for one entry: access is denied."""

        def __init__(self) -> None:
            SecretsManagerClientError.__init__(self, DENIED, "not authorized")

    read = SecretsManagerBackend.get_secret_value

    def guarded(self: SecretsManagerBackend, secret_id: str, *rest: Any, **more: Any) -> Any:
        if secret_id == location:
            raise Refused
        return read(self, secret_id, *rest, **more)

    with patch.object(SecretsManagerBackend, "get_secret_value", guarded):
        yield


@contextmanager
def refused_parameter(location: str) -> Generator[None]:
    """Deny one parameter, as its policy would: a call for several is refused as a whole."""
    from moto.core.exceptions import JsonRESTError
    from moto.ssm.models import SimpleSystemManagerBackend

    read = SimpleSystemManagerBackend.get_parameter

    def guarded(self: SimpleSystemManagerBackend, name: str) -> Any:
        if name == location:
            raise JsonRESTError(DENIED, "not authorized")
        return read(self, name)

    with patch.object(SimpleSystemManagerBackend, "get_parameter", guarded):
        yield
