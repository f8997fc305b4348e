"""The mount of each engine: as set, as learned, or as Vault says; checked again if an answer is doubtful."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource.providers._vault.errors import explain_mount, malformed
from secretsource.providers._vault.mounts import Mount, MountTable
from secretsource.providers._vault.questions import get
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers._vault.client import VaultConnection
    from secretsource.providers._vault.token import Token
    from secretsource.providers.base import Outcome, SecretRef

__all__ = ["MountSurvey"]

NO_PATH = Failed(
    FailureCode.MISCONFIGURED,
    "the location has no path below its mount",
    "write the mount and the path, such as secret/payments/stripe",
)


class MountSurvey:
    """The mounts that one provider knows.

    Args:
        connection: The connection to Vault.
        fixed: A mount that Vault need not be asked for.
    """

    def __init__(self, connection: VaultConnection, fixed: Mount | None) -> None:
        self._connection = connection
        self._fixed = fixed
        self._mounts = MountTable()

    def known(self, ref: SecretRef) -> str:
        """Return the mount's path for a location, as far as it is known; nothing is asked."""
        if self._fixed is not None and ref.location.startswith(f"{self._fixed.path}/"):
            return self._fixed.path
        mount = self._mounts.find(ref.option("namespace"), ref.location)
        return ref.location.partition("/")[0] if mount is None else mount.path

    def mount_of(self, ref: SecretRef, token: Token, deadline: float) -> Mount | Failed:
        """Return the mount that a location is under."""
        location, namespace = ref.location, ref.option("namespace")
        if self._fixed is not None and location.startswith(f"{self._fixed.path}/"):
            return self._fixed
        known = self._mounts.find(namespace, location)
        if known is not None:
            return known
        mount = self._asked(ref, token, deadline)
        if isinstance(mount, Failed):
            return mount
        if isinstance(mount, NotFound):
            mount = Mount(location.partition("/")[0], versioned=False)  # a Vault older than versions of KV
        if not location.startswith(f"{mount.path}/"):
            return NO_PATH
        self._mounts.learn(namespace, mount)
        return mount

    def instead_of(
        self, mount: Mount, outcome: Outcome, ref: SecretRef, token: Token, deadline: float
    ) -> Mount | Failed | None:
        """Return the mount to read at instead, if an outcome comes from a wrong assumption; None if it stands.

        Vault answers 404 to "no such secret" and to "no such API here". So an absence at a mount of KV 2 is believed
        only if Vault confirms the mount, now or a moment ago.
        """
        namespace, now = ref.option("namespace"), monotonic()
        if not _is_doubtful(mount, outcome) or self._mounts.is_certain(namespace, mount, now):
            return None
        other = self._asked(ref, token, deadline)
        if isinstance(other, Failed) and other.code is not FailureCode.DENIED:
            return other
        if not isinstance(other, Mount) or not ref.location.startswith(f"{other.path}/"):
            return None  # this Vault does not report mounts, so the set or learned one holds
        if other == mount:
            self._mounts.confirm(namespace, mount, now)
            return None
        if mount is self._fixed:
            return _otherwise(other)
        self._mounts.forget(namespace, mount)
        self._mounts.learn(namespace, other)
        return other

    def _asked(self, ref: SecretRef, token: Token, deadline: float) -> Mount | NotFound | Failed:
        """Return the mount that Vault reports now; NotFound if Vault is too old to report it."""
        answer = self._connection.ask(
            get("sys/internal/ui/mounts/{path}", ref.location),
            token=token.text,
            namespace=ref.option("namespace"),
            deadline=deadline,
        )
        if isinstance(answer, Failed):
            return answer
        if answer.ok:
            return _mount(answer.part("data")) or malformed("the answer names no mount")
        return explain_mount(answer.status, answer.body, path=ref.location, wait=answer.wait)


def _is_doubtful(mount: Mount, outcome: Outcome) -> bool:
    """Return whether an outcome may mean that the mount differs from the assumed one."""
    if isinstance(outcome, NotFound):
        return mount.versioned
    return isinstance(outcome, Failed) and outcome.code is FailureCode.MISCONFIGURED


def _otherwise(mount: Mount) -> Failed:
    """Return the failure if the setting contradicts Vault."""
    kind = "keeps versions" if mount.versioned else "keeps no versions"
    return Failed(
        FailureCode.MISCONFIGURED,
        f"the engine there is mounted at {mount.path!r} and {kind}, and mount and kv_version say otherwise",
        "set them so, or leave kv_version out",
    )


def _mount(about: Mapping[str, Any]) -> Mount | None:
    """Return a mount as ``sys/internal/ui/mounts`` describes it; None if the answer names no path."""
    path, options = about.get("path"), about.get("options")
    if not isinstance(path, str) or not path.strip("/"):
        return None
    version = options.get("version") if isinstance(options, dict) else None
    return Mount(path.strip("/"), about.get("type") in {"kv", "generic"} and version == "2")
