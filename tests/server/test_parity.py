"""What the command line does, the API does: each command has an operation, and each of its options a field."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
from tests.server.test_access import DOCUMENT

from secretsource.cli.keys import KeyCommands
from secretsource.cli.owners import OwnerCommands
from secretsource.cli.plans import PlanCommands

GROUPS = {"keys": KeyCommands, "owners": OwnerCommands, "plans": PlanCommands}
HERE = {
    "keys whose": "it reads the key alone, and asks no store",
    "keys import": "it reads a file of hashes, which the service takes from nobody",
    "keys export": "it writes hashes, which the service shows to nobody",
    "keys chores": "the service does the chores by itself, as [server.chores] says",
    "keys rules": "it writes rules for scanners, and asks no store",
    "keys stats": "it is about peppers, which the operator sets where the service runs",
    "keys migrate": "it is for the operator of the store, before the service starts",
}
"""Commands that the API does not have, each with the reason."""
OPERATIONS = {
    "keys issue": "issueKey", "keys list": "listKeys", "keys show": "getKey getKeyLimits getKeyRotation",
    "keys update": "updateKey", "keys add-credits": "addKeyCredits", "keys verify": "verifyKey",
    "keys rotate": "rotateKey", "keys extend": "extendKeyRotation", "keys finish": "finishKeyRotation",
    "keys revoke": "revokeKey revokeOwnerKeys",
    "keys report-leak": "reportLeak", "keys disable": "disableKey", "keys enable": "enableKey",
    "keys events": "listKeyEvents", "keys usage": "getUsage getKeyUsage", "keys expiring": "listKeys",
    "keys unused": "listKeys", "keys history": "listEvents", "keys outbox": "listMessages resendMessages",
    "keys purge": "purgeOwner",
    "owners put": "putOwner updateOwner", "owners add-credits": "addOwnerCredits", "owners list": "listOwners",
    "owners show": "getOwner getOwnerLimits", "owners suspend": "suspendOwner", "owners resume": "resumeOwner",
    "owners sign-out": "signOwnerOut", "owners delete": "deleteOwner", "plans put": "putPlan updatePlan",
    "plans list": "listPlans", "plans show": "getPlan", "plans delete": "deletePlan",
}  # fmt: skip
"""The operations of the other commands."""
SURROUNDINGS = {"context", "store", "as_json", "as_csv", "out", "yes", "actor", "count"}
"""Arguments that say who asks, and how a command reads and writes: the root key and the request say so."""
NAMES = {
    "scope": "scopes", "network": "networks", "after": "cursor", "one": "key_id", "presented": "key_id", "only": "id",
    "within": "expiring_within", "length": "unused_for", "revision": "if_match",
    "once": "idempotency_key",
}  # fmt: skip
"""Arguments that have another name in the API."""
MEANT = {"clear": "null clears a field", "clear_credits": "null clears a field", "resend": "another operation"}
"""Options that are no field there, each with what stands for it."""


FOUND = {f"{group} {verb}": entry.place for group, commands in GROUPS.items() for verb, entry in commands.table.items()}


def fields_of(operation: str) -> set[str]:
    """The names of the parameters and the fields of an operation."""
    for item in DOCUMENT["paths"].values():
        for asked in item.values():
            if asked["operationId"] == operation:
                form = asked.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
                schema = [each for each in DOCUMENT["components"]["schemas"] if f"/{each}'" in str(form)]
                fields = [name for each in schema for name in DOCUMENT["components"]["schemas"][each]["properties"]]
                named = [each["name"].lower().replace("-", "_") for each in asked.get("parameters", ())]
                return {*fields, *named}
    raise AssertionError(operation)


def test_every_command_is_in_one_of_both_lists() -> None:
    """A new command has an operation, or a reason why the service does not do it."""
    assert sorted([*HERE, *OPERATIONS]) == sorted(FOUND)


@pytest.mark.parametrize("command", OPERATIONS)
def test_every_option_of_a_command_has_a_field(command: str) -> None:
    """What a command can be told, the API can be told by the same name, or by one of the list."""
    module, _, function = FOUND[command].partition(":")
    given = set(inspect.signature(getattr(import_module(module), function)).parameters) - SURROUNDINGS - {*MEANT}
    known = {name for each in OPERATIONS[command].split() for name in fields_of(each)}
    assert {name for name in given if not {name, NAMES.get(name, name)} & known} == set()
