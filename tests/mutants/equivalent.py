"""Faults that are none: the module does the same with them in, for the reason beside each.

An entry that fits no fault of its module any more is an error, and so is one that a test does find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.mutants.operators import Mutant

__all__ = ["EQUIVALENT", "Equivalent", "unused"]


class Equivalent(NamedTuple):
    """A fault that changes nothing that anybody could see.

    Attributes:
        module: Its file.
        within: The function that it is in.
        was: What the code says.
        becomes: What it might say as well.
        why: Why this is the same.
        on: A piece of its line, where the function says the same on others.
    """

    module: str
    within: str
    was: str
    becomes: str
    why: str
    on: str = ""

    def fits(self, module: str, mutant: Mutant) -> bool:
        """Whether a fault is the one that is meant."""
        return (module, mutant.within, mutant.was, mutant.becomes) == self[:4] and self.on in mutant.on


def unused(entries: Sequence[Equivalent], module: str, mutants: Sequence[Mutant]) -> list[Equivalent]:
    """The entries of a module that fit none of its faults."""
    of_module = (entry for entry in entries if entry.module == module)
    return [entry for entry in of_module if not any(entry.fits(module, mutant) for mutant in mutants)]


EQUIVALENT = (
    Equivalent(
        "_ground/suggest.py", "nearest", "1", "2",
        "only the first of the words that are near is used",
    ),
    Equivalent(
        "config/_config.py", "_mistake", "return ''", "return",
        "its callers look only whether there is a text",
    ),
    Equivalent(
        "config/_lines.py", "unclosed", "0", "1",
        "a bracket at the very beginning is a header's, and a quote there ends on its own line",
        "finditer(text, 0, end)",
    ),
    Equivalent(
        "config/_mistake.py", "_after_value", "0", "1",
        "a line end at the very beginning is a blank before the first word, either way",
    ),
    Equivalent(
        "config/_mistake.py", "_twice", "statement.start < at", "statement.start <= at",
        "the parser complains behind a key, and no statement begins there",
    ),
    Equivalent(
        "config/_mistake.py", "_twice", "all((other.is_header for other in first))",
        "any((other.is_header for other in first))",
        "what is said twice was said before, so there is exactly one",
    ),
    Equivalent(
        "config/_mistake.py", "_collide", "length < len(other.path)", "length <= len(other.path)",
        "two paths of one length collide when they are the same, and these were looked for before",
    ),
    Equivalent(
        "config/_provider.py", "", "False", "True",
        "the default of this setting is not read; its absence from what is given counts",
    ),
    *(
        Equivalent(module, name, "False", "True", "a type checker alone reads whether a TypedDict is total")
        for module, name in (
            ("issuing/_manage/amend.py", "KeyUpdate"),
            ("issuing/_manage/registers/owners.py", "OwnerFields"),
            ("issuing/_manage/request.py", "KeyRequest"),
        )
    ),
    *(
        Equivalent(
            "issuing/_key/format.py", "", was, becomes, "a text that is longer by this has another form anyway",
            "_LONGEST =",
        )
        for was, becomes in (("16", "17"), ("8", "9"), ("1", "2"))
    ),
    Equivalent(
        "providers/reference.py", "parse_reference", "len(text) <= MAX_NAME", "len(text) < MAX_NAME",
        "the long way reads such a name alike",
    ),
    *(
        Equivalent(
            "resolver/_engine/shortcuts.py", "at_once", "since <= wall < until", becomes,
            "at the edge of the window, the long way gives the same answer",
        )
        for becomes in ("since < wall < until", "since <= wall <= until")
    ),
    Equivalent(
        "issuing/_manage/field.py", "metadata", "0", "1",
        "a size is read only of a document that was written",
    ),
    Equivalent(
        "issuing/_check/policy.py", "_listed", "1", "2",
        "one more than is allowed is enough to see that there are too many, and so are two",
    ),
    Equivalent(
        "stores/_cursor.py", "", "64", "65",
        "no cursor of ours is as long, and a longer text is refused as a whole",
    ),
    Equivalent(
        "stores/_cursor.py", "place", "len(cursor) <= _LONGEST", "len(cursor) < _LONGEST",
        "as above",
    ),
    Equivalent(
        "limiters/_rules.py", "_has_come", "86400", "86401",
        "a second for each day since 1970 is less than a day until the year 2206",
    ),
    Equivalent(
        "limiters/_rules.py", "Rate.take", "level < now", "level <= now",
        "a level of now begins now, either way",
    ),
    Equivalent(
        "issuing/_key/lifecycle.py", "shorten", "end > ends", "end >= ends",
        "the same end is a repeat, for which the function has returned before",
    ),
    Equivalent(
        "issuing/_key/lifecycle.py", "_as_long", "0.0", "1.0",
        "no key was issued in the first second of 1970",
    ),
    Equivalent(
        "issuing/_manage/upkeep/attention.py", "_last_use", "0.0", "1.0",
        "no key was issued in the first second of 1970",
    ),
    Equivalent(
        "issuing/_manage/upkeep/attention.py", "ChoreRules", "False", "True",
        "a type checker alone reads whether a TypedDict is total",
    ),
    *(
        Equivalent(
            module, within, "32", "33", "HMAC fills its key with zeros, and a digest of 32 bytes is no longer than that"
        )
        for module, within in (
            ("issuing/_key/hashing.py", "derive"),
            ("issuing/_key/hashing.py", "Pepper.__init__"),
            ("issuing/_key/lookup.py", "LookupKeys.__init__"),
        )
    ),
    Equivalent(
        "issuing/_document/forms.py", "read", "continue", "break",
        "the first field that is wrong is the one that is named, whatever stands behind it",
    ),
    Equivalent(
        "issuing/_document/draws.py", "_ReportedPlan.__init__", "1", "2",
        "the states of such a plan are reported, not computed from its rules",
    ),
    Equivalent(
        "issuing/_document/draws.py", "read_draw", "0.0", "1.0",
        "the states of such a draw are reported, not computed at a time",
    ),
    Equivalent(
        "providers/_azure/validity.py", "rule", "validity.expires > now", "validity.expires >= now",
        "a rotation that is due now says nothing to the cache",
    ),
    Equivalent(
        "providers/_azure/conversation.py", "reference", "2", "3",
        "a name has two places at most",
    ),
    Equivalent(
        "resolver/_walk/cache.py", "Cache.evict", "excess <= 0", "excess < 0",
        "the first none of the entries are dropped",
    ),
    Equivalent(
        "resolver/_walk/document.py", "_pointer", "break", "continue",
        "there is nothing inside of what is missing",
    ),
    Equivalent(
        "resolver/_walk/refresh.py", "schedule", "fresh < 0.0", "fresh <= 0.0",
        "what is fresh for no time has not ended before now, so its end stays",
    ),
    Equivalent(
        "resolver/_walk/refresh.py", "pause", "10", "11",
        "either is doubled beyond the longest pause",
    ),
    *(
        Equivalent(
            "server/pages/looks/colours.py", "_readable", was, becomes,
            "every colour can be read two steps before it is black or white",
        )
        for was, becomes in (("_STEPS + 1", "_STEPS - 1"), ("1", "2"))
    ),
    Equivalent(
        "server/pages/looks/colours.py", "_readable", "contrast(mixed, ground) >= READABLE",
        "contrast(mixed, ground) > READABLE",
        "no colour of 24 bits has exactly this contrast to either ground",
    ),
    Equivalent(
        "server/pages/looks/colours.py", "_mixed", "True", "False",
        "every colour has three parts",
    ),
    Equivalent(
        "server/pages/looks/colours.py", "_luminance", "part <= 0.04045", "part < 0.04045",
        "no part of 8 bits has exactly this value",
    ),
    Equivalent(
        "server/pages/looks/formats.py", "relative", "then > now", "then >= now",
        "the two are a minute apart by then",
    ),
    Equivalent(
        "server/pages/operator/fields.py", "read", "False", "True",
        "only the place and the sentence of a mistake are read",
    ),
    Equivalent(
        "providers/_vault/mounts.py", "MountTable.find", "1", "2",
        "no segment of a path is empty, so two slashes are never side by side",
    ),
    Equivalent(
        "stores/_sql/connections/hosts.py", "shown", "True", "False",
        "there are as many ports as hosts by then",
    ),
    Equivalent(
        "stores/_feed/news.py", "", "12", "13",
        "a longer word has an id that is too long, and is refused for that",
    ),
    Equivalent(
        "server/pages/looks/charts.py", "sparkline", "0", "1",
        "a line without values divides nothing", "most = max(values",
    ),
    *(
        Equivalent(
            "providers/_address.py", "_of_google", was, becomes, "such a path is no secret's, with a region or without"
        )
        for was, becomes in (("len(parts) > 4", "len(parts) >= 4"), ("4", "5"))
    ),
    Equivalent(
        "providers/_address.py", "_of_arn", "2", "3",
        "an ARN of three parts is no secret's, whatever its service", "service = parts[2] if len(parts) > 2",
    ),
    Equivalent(
        "stores/_sql/lookups/lag.py", "_number", "32", "33",
        "positions are only compared, and their order is the same",
    ),
    Equivalent(
        "stores/_sql/lookups/lag.py", "Progress.__init__", "4", "5",
        "more marks than are within the bound are kept, and none of the others counts",
    ),
    *(
        Equivalent(
            "issuing/_transfer/row.py", within, was, "pass",
            "a cell that is read as None is refused, as one that raises is",
        )
        for within, was in (
            ("words", "raise TypeError"),
            ("_text.read_text", "raise ValueError"),
            ("_seal", "raise ValueError"),
        )
    ),
)  # fmt: skip
