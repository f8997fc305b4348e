"""The issuing half: issue API keys, store only their hashes, check them, rotate and revoke them.

Names are loaded when they are first used; importing this package costs next to nothing.
"""

from __future__ import annotations

from secretsource._ground.sentinels import UNSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.issuing._async_service import AsyncApiKeys
    from secretsource.issuing._check.event import CheckEvent, KeyQuestion
    from secretsource.issuing._check.policy import NO_SCOPE, Demand, check_demand
    from secretsource.issuing._check.route_limit import RouteLimit
    from secretsource.issuing._http.admission import Admission, Admitted
    from secretsource.issuing._http.answer import HttpAnswer, http_answer
    from secretsource.issuing._http.credential import credential
    from secretsource.issuing._http.settings import AdmissionSettings
    from secretsource.issuing._key.format import KeyFormat, ParsedKey
    from secretsource.issuing._key.hashing import Pepper, PepperSet, PepperState, PepperUse
    from secretsource.issuing._key.locator import Owner, OwnerKind
    from secretsource.issuing._manage.amend import KeyUpdate
    from secretsource.issuing._manage.ending.leaks import LeakPolicy, LeakReport
    from secretsource.issuing._manage.ending.revocations import RevokedKeys
    from secretsource.issuing._manage.field import owner_id
    from secretsource.issuing._manage.health import Health
    from secretsource.issuing._manage.issued import Issued, Rotated, RotationStatus
    from secretsource.issuing._manage.peppers import find_peppers
    from secretsource.issuing._manage.recent_use import RecentUse
    from secretsource.issuing._manage.registers.owners import OwnerFields
    from secretsource.issuing._manage.registers.passes import IssuedPass
    from secretsource.issuing._manage.registers.plans import PlanFields
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.issuing._manage.upkeep.attention import ChoreRules
    from secretsource.issuing._manage.upkeep.purges import PurgeReport
    from secretsource.issuing._manage.upkeep.rounds import ChoreReport
    from secretsource.issuing._service import ApiKeys
    from secretsource.issuing._settings import Settings
    from secretsource.issuing._transfer.imports import ImportOptions
    from secretsource.issuing._transfer.reports import ImportBatch, ImportReport, RejectedRow
    from secretsource.issuing._transfer.row_file import Unreadable, read_rows
    from secretsource.issuing._transfer.sources import header_judge
    from secretsource.issuing._verbs.administration import ROTATE_SELF
    from secretsource.issuing._verbs.async_registers import AsyncOwnerRegister, AsyncPlanRegister
    from secretsource.issuing._verbs.passes import AsyncPassRegister, PassRegister
    from secretsource.issuing._verbs.registers import OwnerRegister, PlanRegister
    from secretsource.issuing._verdict import Accepted, Answer, Reason, Rejected, Verdict
    from secretsource.issuing.limits import LimitState, LocalLimiter
    from secretsource.stores.base import (
        Count,
        EventKind,
        FeedHealth,
        HistoryEvent,
        KeyEvent,
        KeyRecord,
        OwnerEvent,
        OwnerEventKind,
        OwnerRecord,
        OwnerStatus,
        Page,
        Pass,
        PlanRecord,
        Status,
        Terms,
        Usage,
    )

__all__ = [
    "NO_SCOPE",
    "ROTATE_SELF",
    "UNSET",
    "Accepted",
    "Admission",
    "AdmissionSettings",
    "Admitted",
    "Answer",
    "ApiKeys",
    "AsyncApiKeys",
    "AsyncOwnerRegister",
    "AsyncPassRegister",
    "AsyncPlanRegister",
    "CheckEvent",
    "ChoreReport",
    "ChoreRules",
    "Count",
    "Demand",
    "EventKind",
    "FeedHealth",
    "Health",
    "HistoryEvent",
    "HttpAnswer",
    "ImportBatch",
    "ImportOptions",
    "ImportReport",
    "Issued",
    "IssuedPass",
    "KeyEvent",
    "KeyFormat",
    "KeyQuestion",
    "KeyRecord",
    "KeyRequest",
    "KeyUpdate",
    "LeakPolicy",
    "LeakReport",
    "LimitState",
    "LocalLimiter",
    "Owner",
    "OwnerEvent",
    "OwnerEventKind",
    "OwnerFields",
    "OwnerKind",
    "OwnerRecord",
    "OwnerRegister",
    "OwnerStatus",
    "Page",
    "ParsedKey",
    "Pass",
    "PassRegister",
    "Pepper",
    "PepperSet",
    "PepperState",
    "PepperUse",
    "PlanFields",
    "PlanRecord",
    "PlanRegister",
    "PurgeReport",
    "Reason",
    "RecentUse",
    "Rejected",
    "RejectedRow",
    "RevokedKeys",
    "Rotated",
    "RotationStatus",
    "RouteLimit",
    "Settings",
    "Status",
    "Terms",
    "Unreadable",
    "Usage",
    "Verdict",
    "check_demand",
    "credential",
    "find_peppers",
    "header_judge",
    "http_answer",
    "owner_id",
    "read_rows",
]

_HOMES = {
    "_async_service": ("AsyncApiKeys",),
    "_check.event": ("CheckEvent", "KeyQuestion"),
    "_check.policy": ("NO_SCOPE", "Demand", "check_demand"),
    "_check.route_limit": ("RouteLimit",),
    "_http.admission": ("Admission", "Admitted"),
    "_http.answer": ("HttpAnswer", "http_answer"),
    "_http.credential": ("credential",),
    "_http.settings": ("AdmissionSettings",),
    "_key.format": ("KeyFormat", "ParsedKey"),
    "_key.hashing": ("Pepper", "PepperSet", "PepperState", "PepperUse"),
    "_key.locator": ("Owner", "OwnerKind"),
    "_manage.amend": ("KeyUpdate",),
    "_manage.ending.leaks": ("LeakPolicy", "LeakReport"),
    "_manage.ending.revocations": ("RevokedKeys",),
    "_manage.field": ("owner_id",),
    "_manage.health": ("Health",),
    "_manage.issued": ("Issued", "Rotated", "RotationStatus"),
    "_manage.peppers": ("find_peppers",),
    "_manage.recent_use": ("RecentUse",),
    "_manage.registers.owners": ("OwnerFields",),
    "_manage.registers.passes": ("IssuedPass",),
    "_manage.registers.plans": ("PlanFields",),
    "_manage.request": ("KeyRequest",),
    "_manage.upkeep.attention": ("ChoreRules",),
    "_manage.upkeep.purges": ("PurgeReport",),
    "_manage.upkeep.rounds": ("ChoreReport",),
    "_service": ("ApiKeys",),
    "_settings": ("Settings",),
    "_transfer.imports": ("ImportOptions",),
    "_transfer.reports": ("ImportBatch", "ImportReport", "RejectedRow"),
    "_transfer.row_file": ("Unreadable", "read_rows"),
    "_transfer.sources": ("header_judge",),
    "_verbs.administration": ("ROTATE_SELF",),
    "_verbs.async_registers": ("AsyncOwnerRegister", "AsyncPlanRegister"),
    "_verbs.passes": ("AsyncPassRegister", "PassRegister"),
    "_verbs.registers": ("OwnerRegister", "PlanRegister"),
    "_verdict": ("Accepted", "Answer", "Reason", "Rejected", "Verdict"),
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
