"""The JSON documents of what an operation came to, and of the health of an `ApiKeys`. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document import tables
from secretsource.issuing._document.forms import read, written
from secretsource.issuing._manage.health import Health
from secretsource.issuing._manage.upkeep.purges import PurgeReport
from secretsource.issuing._manage.upkeep.rounds import ChoreReport
from secretsource.issuing._transfer.reports import ImportReport
from secretsource.stores.base import FeedHealth, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing._document.forms import Document
    from secretsource.issuing._key.hashing import PepperUse

__all__ = [
    "chores_document",
    "health_document",
    "message_document",
    "pepper_document",
    "purge_document",
    "read_chores",
    "read_health",
    "read_message",
    "read_purge",
    "read_report",
    "report_document",
    "signed_out_document",
]


def report_document(report: ImportReport) -> Document:
    """Write the result of an import, without its rows, because a row may hold a key.

    Args:
        report: The report.
    """
    return written(tables.REPORT, report)


def read_report(document: Mapping[str, Any]) -> ImportReport:
    """Read the result of an import.

    Args:
        document: The result of `report_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return ImportReport(first_rejected=(), **read(tables.REPORT, document, "report"))


def health_document(health: Health) -> Document:
    """Write the health of an `ApiKeys`.

    Args:
        health: Its health.
    """
    feeds = [written(tables.FEED, feed) for feed in health.feeds]
    return {"hears": health.hears, "failed_flushes": health.failed_flushes, "feeds": feeds}


def read_health(document: Mapping[str, Any]) -> Health:
    """Read the health of an `ApiKeys`.

    Args:
        document: The result of `health_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    told = read(tables.HEALTH, document, "health")
    return Health(
        tuple(FeedHealth(**read(tables.FEED, feed, "feed")) for feed in told["feeds"]), told["failed_flushes"]
    )


def pepper_document(use: PepperUse) -> Document:
    """Write the number of living keys under a pepper.

    Args:
        use: An item of `PepperSet.uses`.
    """
    return {"pepper": use.version or "imported", "keys": use.keys, "state": use.state.value}


def chores_document(report: ChoreReport) -> Document:
    """Write the result of one run of the chores.

    Args:
        report: The report.
    """
    return written(tables.CHORES, report)


def read_chores(document: Mapping[str, Any]) -> ChoreReport:
    """Read the result of one run of the chores.

    Args:
        document: The result of `chores_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return ChoreReport(**read(tables.CHORES, document, "run"))


def purge_document(report: PurgeReport) -> Document:
    """Write the result of a purge.

    Args:
        report: The report.
    """
    return written(tables.PURGE, report)


def read_purge(document: Mapping[str, Any]) -> PurgeReport:
    """Read the result of a purge.

    Args:
        document: The result of `purge_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return PurgeReport(**read(tables.PURGE, document, "purge"))


def signed_out_document(owner: str, ended: int) -> Document:
    """Write the result of a sign-out of a customer.

    Args:
        owner: The owner.
        ended: The number of sessions and links that ended.
    """
    return {"owner": owner, "ended": ended}


def message_document(message: Message) -> Document:
    """Write a message of the outbox, without its body.

    Args:
        message: The message.
    """
    return written(tables.MESSAGE, message)


def read_message(document: Mapping[str, Any]) -> Message:
    """Read a message of the outbox; its body is empty, because no document has it.

    Args:
        document: The result of `message_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return Message(body="", **read(tables.MESSAGE, document, "message"))
