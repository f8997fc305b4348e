"""The issuing half: mint API keys, keep only their hashes, check them, rotate and revoke them.

Names are loaded when they are first used; importing this package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.issuing._async_service import AsyncApiKeys
    from secretsource.issuing._event import CheckEvent
    from secretsource.issuing._format import KeyFormat, ParsedKey
    from secretsource.issuing._hashing import Pepper, PepperSet
    from secretsource.issuing._health import Health
    from secretsource.issuing._http.admission import Admission, Admitted
    from secretsource.issuing._http.answer import HttpAnswer, http_answer
    from secretsource.issuing._http.credential import credential
    from secretsource.issuing._http.settings import AdmissionSettings
    from secretsource.issuing._imports import ImportBatch, ImportOptions, ImportReport, RejectedRow
    from secretsource.issuing._locator import Owner, OwnerKind
    from secretsource.issuing._operations import Issued, Rotated, RotationStatus
    from secretsource.issuing._policy import NO_SCOPE
    from secretsource.issuing._request import KeyRequest
    from secretsource.issuing._revocations import RevokedKeys
    from secretsource.issuing._row_file import Unreadable, read_rows
    from secretsource.issuing._service import ApiKeys
    from secretsource.issuing._verdict import Accepted, Answer, Reason, Rejected, Verdict
    from secretsource.issuing._wiring import Settings
    from secretsource.issuing.limits import LimitState, LocalLimiter
    from secretsource.stores.base import EventKind, FeedHealth, KeyEvent, KeyRecord, Page, Status, Usage

__all__ = [
    "NO_SCOPE",
    "Accepted",
    "Admission",
    "AdmissionSettings",
    "Admitted",
    "Answer",
    "ApiKeys",
    "AsyncApiKeys",
    "CheckEvent",
    "EventKind",
    "FeedHealth",
    "Health",
    "HttpAnswer",
    "ImportBatch",
    "ImportOptions",
    "ImportReport",
    "Issued",
    "KeyEvent",
    "KeyFormat",
    "KeyRecord",
    "KeyRequest",
    "LimitState",
    "LocalLimiter",
    "Owner",
    "OwnerKind",
    "Page",
    "ParsedKey",
    "Pepper",
    "PepperSet",
    "Reason",
    "Rejected",
    "RejectedRow",
    "RevokedKeys",
    "Rotated",
    "RotationStatus",
    "Settings",
    "Status",
    "Unreadable",
    "Usage",
    "Verdict",
    "credential",
    "http_answer",
    "read_rows",
]

_HOMES = {
    "_http.admission": ("Admission", "Admitted"),
    "_http.answer": ("HttpAnswer", "http_answer"),
    "_async_service": ("AsyncApiKeys",),
    "_http.credential": ("credential",),
    "_event": ("CheckEvent",),
    "_format": ("KeyFormat", "ParsedKey"),
    "_health": ("Health",),
    "_hashing": ("Pepper", "PepperSet"),
    "_http.settings": ("AdmissionSettings",),
    "_imports": ("ImportBatch", "ImportOptions", "ImportReport", "RejectedRow"),
    "_locator": ("Owner", "OwnerKind"),
    "_operations": ("Issued", "Rotated", "RotationStatus"),
    "_policy": ("NO_SCOPE",),
    "_request": ("KeyRequest",),
    "_revocations": ("RevokedKeys",),
    "_row_file": ("Unreadable", "read_rows"),
    "_service": ("ApiKeys",),
    "_verdict": ("Accepted", "Answer", "Reason", "Rejected", "Verdict"),
    "_wiring": ("Settings",),
    "limits": ("LimitState", "LocalLimiter"),
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_MODULES.get(name, "secretsource.stores.base")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
