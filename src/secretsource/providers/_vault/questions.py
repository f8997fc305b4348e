"""The questions to secrets engines: calls on an hvac adapter, made and not yet sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

    from secretsource.providers._vault.client import Question
    from secretsource.providers._vault.leases import HeldLease
    from secretsource.providers._vault.mounts import Mount

__all__ = ["get", "get_version", "lease_call", "put"]


def get(form: str, path: str) -> Question:
    """Return a GET of a path, with its special characters escaped."""

    def question(adapter: Any) -> Response:
        from hvac.utils import format_url

        answer: Response = adapter.get(format_url(f"/v1/{form}", path=path))
        return answer

    return question


def get_version(mount: str, path: str, version: str | None) -> Question:
    """Return a version of a secret of KV 2; None for the current one."""

    def question(adapter: Any) -> Response:
        from hvac.api.secrets_engines import KvV2

        answer: Response = KvV2(adapter).read_secret_version(
            path, version, mount_point=mount, raise_on_deleted_version=False
        )
        return answer

    return question


def put(mount: Mount, location: str, fields: Mapping[str, object], read: int) -> Question:
    """Return a write; on KV 2 it succeeds only while ``read`` is the current version, 0 for none."""

    def question(adapter: Any) -> Response:
        from hvac.utils import format_url

        if mount.versioned:
            path = format_url("/v1/{mount}/data/{path}", mount=mount.path, path=mount.below(location))
            answer: Response = adapter.post(path, json={"data": fields, "options": {"cas": read}})
        else:
            answer = adapter.post(format_url("/v1/{path}", path=location), json=fields)
        return answer

    return question


def lease_call(call: str, lease: HeldLease, **more: Any) -> Question:
    """Return a call of hvac's about one lease."""

    def question(adapter: Any) -> Response:
        from hvac.api.system_backend import Lease

        answer: Response = getattr(Lease(adapter), call)(lease.lease_id, **more)
        return answer

    return question
