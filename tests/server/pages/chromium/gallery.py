"""The pictures of the pages: each has the template that it shows, and those of plain addresses have their paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CUSTOMER", "GALLERY", "IMAGES", "KEPT", "OPERATOR"]

IMAGES = Path(__file__).parents[4] / "docs" / "images"
KEPT = ("desktop", "dark", "phone")
"""The windows that pictures are kept of."""

CUSTOMER: Mapping[str, tuple[str, str]] = {
    "keys": ("keys", "/portal/keys"),
    "keys-test": ("keys", "/portal/keys?environment=test"),
    "key": ("key", "/portal/keys/{export}"),
    "key-active": ("key", "/portal/keys/{billing}"),
    "key-revoked": ("key", "/portal/keys/{old}"),
    "new-key": ("new", "/portal/keys/new"),
    "edit-key": ("edit", "/portal/keys/{mobile}/edit"),
    "rotate-key": ("rotate", "/portal/keys/{billing}/rotate"),
    "revoke-key": ("revoke", "/portal/keys/{export}/revoke"),
    "usage": ("usage", "/portal/usage?span=14d"),
    "usage-48h": ("usage", "/portal/usage"),
    "events": ("events", "/portal/events"),
}
"""The views of a customer: the template and the path, in which the words in braces are ids of the sample."""

OPERATOR: Mapping[str, tuple[str, str]] = {
    "attention": ("attention", "/operator/attention"),
    "unused": ("attention", "/operator/attention/unused"),
    "alarms": ("alarms", "/operator/attention/alarms"),
    "suspended": ("suspended", "/operator/attention/suspended"),
    "owners": ("owners", "/operator/owners"),
    "owner": ("owner", "/operator/owner?id=globex"),
    "owner-edit": ("owner-edit", "/operator/owner/edit?id=globex"),
    "owner-suspend": ("owner-suspend", "/operator/owner/suspend?id=globex"),
    "owner-sign-out": ("owner-sign-out", "/operator/owner/sign-out?id=globex"),
    "owner-revoke": ("owner-revoke", "/operator/owner/revoke-keys?id=globex"),
    "keys": ("keys", "/operator/keys"),
    "key": ("key", "/operator/keys/{ward}"),
    "key-rotate": ("key-rotate", "/operator/keys/{billing}/rotate"),
    "key-finish": ("key-finish", "/operator/keys/{export}/finish"),
    "key-revoke": ("key-revoke", "/operator/keys/{export}/revoke"),
    "plans": ("plans", "/operator/plans"),
    "plan": ("plan", "/operator/plan?id=Business"),
    "events": ("events", "/operator/events"),
    "usage": ("usage", "/operator/usage?owner=globex"),
    "root-keys": ("root-keys", "/operator/root-keys"),
    "root-key-new": ("root-key-new", "/operator/root-keys/new"),
    "root-key-rotate": ("root-key-rotate", "/operator/root-keys/{root}/rotate"),
    "root-key-revoke": ("root-key-revoke", "/operator/root-keys/{root}/revoke"),
    "health": ("health", "/operator/health"),
}
"""The views of an operator, in the same form; their pictures begin with ``operator-``."""

GALLERY: Mapping[str, str] = {
    **{name: f"customer/{template}.html" for name, (template, _) in CUSTOMER.items()},
    **{f"operator-{name}": f"operator/{template}.html" for name, (template, _) in OPERATOR.items()},
    "sign-in": "customer/sign-in.html",
    "signed-out": "customer/signed-out.html",
    "link-spent": "customer/link-spent.html",
    "once": "customer/once.html",
    "suspended": "customer/suspended.html",
    "failed": "failed.html",
    "missing": "missing.html",
    "refused": "refused.html",
    "operator-sign-in": "operator/sign-in.html",
    "operator-not-signed-in": "operator/not-signed-in.html",
    "operator-nothing": "operator/nothing.html",
    "operator-forbidden": "operator/forbidden.html",
    "operator-refused": "operator/refused.html",
    "operator-key-once": "operator/key-once.html",
    "operator-owner-link": "operator/owner-link.html",
    "operator-owner-revoked": "operator/owner-revoked.html",
    "operator-plan-confirm": "operator/plan-confirm.html",
    "operator-root-key-once": "operator/root-key-once.html",
}
"""The template of each picture; a journey takes those that no plain address shows."""
