"""Arguments of a wrong type: one clear sentence each, and no error from deep inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing import ApiKeys
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from secretsource.issuing import ImportReport

NO_LISTS: list[Any] = [5, None, "acme", b"globex"]


@pytest.mark.parametrize("chores", [5, "weekly", ["weekly"]])
def test_rules_of_chores_that_are_no_dictionary(chores: Any) -> None:
    """They are refused where the keys are opened."""
    with pytest.raises(ConfigurationError, match=r"chores must be a dictionary such as ChoreRules, not of type "):
        ApiKeys(MemoryStore(), peppers=["a pepper of the tests"], chores=chores)


@pytest.mark.parametrize("rows", [*NO_LISTS, {"owner": "acme"}])
def test_rows_that_are_no_rows(keys: ApiKeys, rows: Any) -> None:
    """A text and a single row would be read character by character, and column by column."""
    with pytest.raises(InvalidRequest, match=r"rows must be mappings of column to cell, or the result of read_rows"):
        keys.import_rows(rows)


@pytest.mark.parametrize("row", [5, None, "acme", ["owner", "acme"]])
def test_a_row_that_is_no_mapping_is_rejected_alone(keys: ApiKeys, row: Any) -> None:
    """The rows around it are stored."""
    good = {"owner": "acme", "plaintext": "sk_a1b2c3d4e5f6a7b8c9d0e1f2", "prefix": "sk", "environment": "live"}
    report: ImportReport = keys.import_rows([row, good])
    assert (report.imported, dict(report.reasons)) == (1, {"the row is not a mapping of column to cell": 1})


@pytest.mark.parametrize("key_ids", NO_LISTS)
def test_key_ids_that_are_no_list(keys: ApiKeys, key_ids: Any) -> None:
    """A single id in the place of a list would find no key."""
    with pytest.raises(InvalidRequest, match=r"key_ids must be a list of texts"):
        keys.get_many(key_ids)
