"""Reading of secrets engines: KV 2 by its own API, all others by path, under a lease if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from secretsource.providers._vault.client import seconds_of
from secretsource.providers._vault.errors import explain_answer, explain_write, malformed
from secretsource.providers._vault.leases import HeldLease
from secretsource.providers._vault.mounts import Mount
from secretsource.providers._vault.questions import get, get_version, lease_call, put
from secretsource.providers._vault.survey import MountSurvey
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, Occupied, Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.providers._vault.client import Answer, Question, VaultConnection
    from secretsource.providers._vault.leases import LeaseBook
    from secretsource.providers._vault.token import Token
    from secretsource.providers.base import Outcome, SecretRef, Written

__all__ = ["VaultEngines"]

NO_VERSIONS = Failed(
    FailureCode.MISCONFIGURED,
    "this mount keeps no versions",
    "remove the version from the reference, or make the mount a KV engine of version 2",
)
NOT_KV = Failed(
    FailureCode.MISCONFIGURED, "this engine makes its own secrets, and accepts no others", "write to a KV engine"
)


class VaultEngines:
    """The secrets engines behind one provider.

    Args:
        connection: The connection to Vault.
        leases: The store of leases.
        fixed: A mount that Vault need not be asked for.
    """

    def __init__(self, connection: VaultConnection, leases: LeaseBook, fixed: Mount | None) -> None:
        self._connection = connection
        self._leases = leases
        self._survey = MountSurvey(connection, fixed)

    def mount_of(self, ref: SecretRef) -> str:
        """Return the mount's path for a location, as far as it is known."""
        return self._survey.known(ref)

    def adopt(self, leases: LeaseBook) -> None:
        """Store leases there from now on."""
        self._leases = leases

    def read(self, ref: SecretRef, token: Token, deadline: float) -> Outcome:
        """Ask for one secret with this token; ask again if the mount differs from the assumed one."""
        mount = self._survey.mount_of(ref, token, deadline)
        if isinstance(mount, Failed):
            return mount
        outcome = self._read_at(mount, ref, token, deadline)
        other = self._survey.instead_of(mount, outcome, ref, token, deadline)
        if isinstance(other, Mount):
            mount, outcome = other, self._read_at(other, ref, token, deadline)
        elif other is not None:
            outcome = other
        meant = mount.meant_by(ref.location) if isinstance(outcome, NotFound) else None
        return outcome if meant is None else self._misplaced(mount, ref._replace(location=meant), token, deadline)

    def _misplaced(self, mount: Mount, meant: SecretRef, token: Token, deadline: float) -> NotFound | Failed:
        """Return why a location with the mount or a word of the API in it has no secret.

        If there is one without them, the location is a mistake; as an absence, it would let a weaker source answer.
        """
        there = self._read_kv(mount, meant._replace(version=None), token, deadline)
        if not isinstance(there, Found):
            return NotFound("the path of a KV secret is written without data/, and a bare name without the mount")
        return Failed(
            FailureCode.MISCONFIGURED,
            "the path has the mount, data/ or metadata/ in it once too often, and there is a secret without it",
            f"write {meant.provider}://{meant.location}",
        )

    def _read_at(self, mount: Mount, ref: SecretRef, token: Token, deadline: float) -> Outcome:
        if mount.versioned:
            return self._read_version(ref, mount, token, deadline)
        if ref.version is not None:
            return NO_VERSIONS
        lease = self._leases.current(ref, token, monotonic())
        if lease is None:
            outcome = self._read_path(ref, token, deadline)
            if isinstance(outcome, Found):
                self._end_discarded(ref, token, deadline)
            return outcome
        stands = self._prolong(lease, deadline)
        if isinstance(stands, Failed):
            return stands
        if stands:
            return lease.found(monotonic())
        outcome = self._read_path(ref, token, deadline)
        if isinstance(outcome, Failed) and outcome.retryable and lease.left(monotonic()) > 0:
            return lease.found(monotonic())
        return outcome

    def write(self, ref: SecretRef, value: str, *, overwrite: bool, token: Token, deadline: float) -> Written:
        """Write one field of a KV secret beside its other fields; KV 2 accepts it only over the version read."""
        mount = self._survey.mount_of(ref, token, deadline)
        if isinstance(mount, Failed):
            return mount
        there = self._read_kv(mount, ref.document, token, deadline)
        other = self._survey.instead_of(mount, there, ref, token, deadline)
        if isinstance(other, Mount):
            mount, there = other, self._read_kv(other, ref.document, token, deadline)
        elif other is not None:
            there = other
        if isinstance(there, Failed):
            return there
        fields = dict(there.value) if isinstance(there, Found) and isinstance(there.value, Mapping) else {}
        if isinstance(there, Found) and there.lease is not None:
            return NOT_KV
        if ref.field in fields and not overwrite:
            return Occupied()
        fields[str(ref.field)] = value
        read = int(there.version or 0) if isinstance(there, Found) else 0
        answer = self._ask(put(mount, ref.location, fields, read), ref, token, deadline)
        if isinstance(answer, Failed):
            return answer
        if answer.ok:
            number = answer.part("data").get("version")
            return Stored(None if number is None else str(number))
        path = f"{mount.path}/data/{mount.below(ref.location)}" if mount.versioned else ref.location
        return explain_write(answer.status, answer.body, path=path, wait=answer.wait)

    def renew(self, leases: Sequence[HeldLease], deadline: float) -> float | None:
        """Renew the leases that are due; return the seconds to the next call, or None without leases."""
        waits: list[float] = []
        for lease in leases:
            if lease.renewable and not lease.due_in(monotonic()):
                self._prolong(lease, deadline)
            now = monotonic()
            if lease.left(now) > 0:
                # A lease without a full renewal is tried again after half of its remaining life.
                waits.append(max(1.0, lease.due_in(now) or lease.left(now) / 2))
        return min(waits, default=None)

    def revoke(self, leases: Sequence[HeldLease], token: Token, deadline: float) -> int:
        """End leases before their time.

        Returns:
            The number that could not be ended.
        """
        for done, lease in enumerate(leases):
            answer = self._ask(lease_call("revoke_lease", lease), lease.ref, token, deadline)
            if isinstance(answer, Failed) or answer.status == 403:
                return len(leases) - done
        return 0

    def _end_discarded(self, ref: SecretRef, token: Token, deadline: float) -> None:
        """Revoke discarded leases in half of the time left; a failed revocation is repeated, or the lease runs out."""
        now = monotonic()
        for lease in self._leases.discarded(ref, now):
            if not self.revoke([lease], token, now + (deadline - now) / 2):
                lease.end()

    def _read_kv(self, mount: Mount, ref: SecretRef, token: Token, deadline: float) -> Outcome:
        if mount.versioned:
            return self._read_version(ref, mount, token, deadline)
        return self._read_path(ref, token, deadline)

    def _read_version(self, ref: SecretRef, mount: Mount, token: Token, deadline: float) -> Outcome:
        path = mount.below(ref.location)
        answer = self._ask(get_version(mount.path, path, ref.version), ref, token, deadline)
        if isinstance(answer, Failed):
            return answer
        if answer.ok:
            return _version(answer.part("data"))
        return explain_answer(answer.status, answer.body, path=f"{mount.path}/data/{path}", wait=answer.wait)

    def _read_path(self, ref: SecretRef, token: Token, deadline: float) -> Outcome:
        answer = self._ask(get("{path}", ref.location), ref, token, deadline)
        if isinstance(answer, Failed):
            return answer
        if answer.ok:
            return self._found(ref, answer, token)
        return explain_answer(answer.status, answer.body, path=ref.location, wait=answer.wait)

    def _found(self, ref: SecretRef, answer: Answer, token: Token) -> Outcome:
        """Return the fields of an answer, under their lease, or with the age that the engine reports."""
        fields = answer.part("data")
        if not fields or answer.body is None:
            return malformed("the answer holds no fields")
        seconds, lease_id, now = seconds_of(answer.body.get("lease_duration")), answer.body.get("lease_id"), monotonic()
        if not lease_id:
            return Found(fields, rotates_at=_rotation(fields), max_age=seconds or None)
        lease = HeldLease(
            ref,
            str(lease_id),
            fields,
            seconds=seconds,
            renewable=bool(answer.body.get("renewable")),
            token=token,
            now=now - answer.took,
        )
        self._leases.keep(lease, now)
        return lease.found(now)

    def _prolong(self, lease: HeldLease, deadline: float) -> bool | Failed:
        """Renew a lease, or ask for the remaining life of a fixed one; False if its secret must be replaced.

        A lease that this token may not renew stands until its end: it is replaced, and revoked as others are.
        """
        call = "renew_lease" if lease.renewable else "read_lease"
        more = {"increment": round(lease.seconds)} if lease.renewable else {}
        answer = self._ask(lease_call(call, lease, **more), lease.ref, lease.token, deadline)
        if isinstance(answer, Failed):
            return answer
        now = monotonic()
        if not answer.ok:
            failure = explain_answer(answer.status, answer.body, path="sys/leases/renew", wait=answer.wait)
            if isinstance(failure, Failed) and failure.retryable:
                return failure
            if not isinstance(failure, Failed) or failure.code is not FailureCode.DENIED:
                lease.end()
            return False
        if lease.renewable:
            return lease.extend(seconds_of((answer.body or {}).get("lease_duration")), now - answer.took)
        lease.extend(seconds_of(answer.part("data").get("ttl")), now - answer.took)
        return not lease.is_spent(now)

    def _ask(self, question: Question, ref: SecretRef, token: Token, deadline: float) -> Answer | Failed:
        return self._connection.ask(question, token=token.text, namespace=ref.option("namespace"), deadline=deadline)


def _version(data: Mapping[str, Any]) -> Found | Failed:
    """Return one version of a KV secret; a version may be set to end by itself."""
    fields, metadata = data.get("data"), data.get("metadata")
    if not isinstance(fields, dict) or not isinstance(metadata, dict):
        return malformed("the answer holds no fields")
    number = metadata.get("version")
    return Found(fields, version=None if number is None else str(number), expires_at=_instant(metadata))


def _instant(metadata: Mapping[str, Any]) -> float | None:
    """Return the end of a version, in seconds since 1970 UTC, if its mount deletes versions after a time."""
    try:
        return datetime.fromisoformat(metadata["deletion_time"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def _rotation(fields: Mapping[str, Any]) -> float | None:
    """Return the time just after a static role's next rotation, in seconds since 1970 UTC."""
    if "rotation_period" not in fields and "rotation_schedule" not in fields:
        return None
    return time() + seconds_of(fields.get("ttl")) + 1.0
