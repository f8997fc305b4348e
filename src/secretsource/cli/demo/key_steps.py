"""The steps about the issuing half: the life of a key, checked over HTTP at each turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.cli.demo.scene import Step, expect
from secretsource.cli.demo.shop import Shop

if TYPE_CHECKING:
    from secretsource.cli.demo.scene import Scene

__all__ = ["KEY_STEPS"]


def issues_a_key(scene: Scene) -> None:
    """Open the service with a key for a customer; SQLite holds only its hash."""
    shop = scene.part(Shop)
    scene.say(f"SECRETSOURCE_PEPPER is from .env, the keys are in SQLite, the service is at {shop.url}")
    record = shop.issue(owner="acme", scopes=["invoices:read"])
    shop.look_for_keys()
    answer = shop.curl(record, expected=200)
    expect(answer["invoices_of"] == "acme", "the service knows the owner of the key")
    owner = shop.keys.whose(record.key_id)
    expect(owner is not None and owner.name == "acme", "the key itself names its owner")
    scene.say("`whose` reads the owner from the key, offline: acme")


def rotates_with_an_overlap(scene: Scene) -> None:
    """Show that both keys work, and that answers to the old key announce its end; finish it early."""
    shop = scene.part(Shop)
    old = shop.issue(owner="acme", scopes=["invoices:read"], name="billing")
    new = shop.rotate(old, overlap=7 * 86400)
    shop.curl(new, expected=200)
    shop.curl(old, "billing-worker/1.4", expected=200)
    status = shop.keys.rotation_status(old.key_id)
    expect(sorted(status.usage.agents) == ["billing-worker/1.4"], "the users of the old key are known")
    scene.say(
        f"uses of {old.display}: {status.usage.requests} request by {', '.join(status.usage.agents)} "
        f"from {', '.join(status.usage.networks)}"
    )
    shop.keys.finish_rotation(old.key_id)
    scene.say(f"finished: {old.display} is revoked, {new.display} stays valid")
    shop.curl(old, expected=401)
    shop.curl(new, expected=200)


def revokes_at_once(scene: Scene) -> None:
    """Show that the next request with a revoked key is refused, and that the events have the reason."""
    shop = scene.part(Shop)
    record = shop.issue(owner="ajax", scopes=["invoices:*"])
    shop.curl(record, expected=200)
    shop.keys.revoke(record.key_id, reason="found in a public repository", actor="demo")
    scene.say(f"revoked {record.display}")
    shop.curl(record, expected=401)
    kinds = [event.kind.value for event in shop.keys.events(record.key_id)]
    expect(kinds == ["issued", "revoked"], "every change has its event")
    scene.say(f"events of {record.display}: {', '.join(kinds)} (found in a public repository)")


def refuses_by_name(scene: Scene) -> None:
    """Send no key, a key without the scope, and a key over its limit: three statuses, each with its advice."""
    shop = scene.part(Shop)
    expect(shop.curl(None, expected=401)["code"] == "missing_key", "a missing key has its own code")
    narrow = shop.issue(owner="acme", scopes=["invoices:list"])
    expect(shop.curl(narrow, expected=403)["scope"] == "invoices:read", "the answer names the missing scope")
    limited = shop.issue(owner="acme", scopes=["invoices:read"], rate_limit="1/minute")
    shop.curl(limited, expected=200)
    shop.curl(limited, expected=429)


KEY_STEPS: tuple[Step, ...] = (
    Step("a key for a customer, checked over HTTP", issues_a_key),
    Step("a rotation with an overlap: both keys work until the old key is no longer needed", rotates_with_an_overlap),
    Step("a key revoked, and refused at its next request", revokes_at_once),
    Step("refusals: no key, no scope, too often", refuses_by_name),
)
