"""Which tests are near to a module: those that a fault in it should be found by, each of them short.

Every module that is marked as pure is here, and others that decide a lot beside what they do.
"""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["NEAR", "near"]

_CHAIN = "chain/outcome_table properties/chain_oracle"
_MODEL = f"properties/cache_model {_CHAIN}"
_CHECKS = "issuing/service issuing/faults"
_CONFIG = "config/config config/provider_url"
_FLIGHTS = "resolver/board resolver/forced resolver/flights"

NEAR = {
    "_json_text.py": "resolver/document resolver/secret",
    "_suggest.py": "suggest resolver/suggestions config/config",
    "_tuning.py": "resolver/published_numbers config/config",
    "config/_chain.py": f"{_CONFIG} resolver/suggestions",
    "config/_config.py": f"{_CONFIG} config/config_file",
    "config/_lines.py": "config/toml_lines config/toml_mistakes",
    "config/_mistake.py": "config/toml_mistakes",
    "config/_provider.py": f"{_CONFIG} config/traceless",
    "config/_section.py": f"{_CONFIG} config/toml_mistakes",
    "config/_settings.py": f"config/driver_settings {_CONFIG}",
    "config/_url.py": "config/provider_url",
    "issuing/_check/gate.py": "issuing/mechanisms issuing/pepper_rotation issuing/admission issuing/service",
    "issuing/_check/policy.py": "issuing/policy issuing/request issuing/kinds",
    "issuing/_check/record_cache.py": "issuing/record_cache issuing/renewal issuing/mechanisms issuing/glance",
    "issuing/_check/rotation_dates.py": "issuing/answer issuing/service",
    "issuing/_check/terms.py": "issuing/owners issuing/limits",
    "issuing/_check/uses.py": "issuing/flush issuing/service",
    "issuing/_check/verifier.py": f"{_CHECKS} issuing/glance issuing/clocks issuing/mechanisms issuing/turns",
    "issuing/_check/weighing.py": f"{_CHECKS} issuing/kinds issuing/glance issuing/owners",
    "issuing/_check/comparison.py": f"{_CHECKS} issuing/turns issuing/mechanisms",
    "issuing/_check/drawing.py": "issuing/service issuing/limits issuing/mechanisms issuing/answer",
    "issuing/_document/draws.py": "documents/documents",
    "issuing/_document/forms.py": "documents/documents",
    "issuing/_document/tables.py": "documents/documents",
    "issuing/_http/credential.py": "issuing/credential issuing/admission",
    "issuing/_http/paths.py": "issuing/paths",
    "issuing/_http/places.py": "issuing/credential issuing/admission",
    "issuing/_key/base62.py": "issuing/format issuing/vectors issuing/locator",
    "issuing/_key/foreign.py": "issuing/foreign issuing/turns",
    "issuing/_key/format.py": "issuing/format issuing/vectors",
    "issuing/_key/hashing.py": "issuing/hashing issuing/pepper_rotation",
    "issuing/_key/lifecycle.py": "issuing/lifecycle issuing/endings",
    "issuing/_key/locator.py": "issuing/locator issuing/mechanisms",
    "issuing/_key/lookup.py": "issuing/lookup",
    "issuing/_key/text.py": "issuing/text",
    "issuing/_manage/amend.py": "issuing/updates",
    "issuing/_manage/owners.py": "issuing/owners",
    "issuing/_manage/request.py": "issuing/request issuing/text issuing/metadata",
    "issuing/_transfer/export.py": "issuing/export issuing/intake",
    "issuing/_transfer/intake.py": "issuing/intake issuing/imports",
    "issuing/_transfer/row.py": "issuing/intake issuing/imports issuing/sources",
    "issuing/_transfer/sources.py": "issuing/sources issuing/imports",
    "issuing/_verdict.py": "issuing/verdict issuing/answer",
    "issuing/statuses.py": "issuing/statuses issuing/answer",
    "issuing/documents.py": "documents/documents",
    "issuing/limits.py": "issuing/limits issuing/mechanisms",
    "limiters/_plan.py": "issuing/limits issuing/owners",
    "limiters/_rules.py": "issuing/limits issuing/answer",
    "providers/_azure/names.py": "providers/azure_names",
    "providers/_azure/validity.py": "providers/azure_validity",
    "providers/_dotenv/editing.py": "providers/dotenv conformance/dotenv",
    "providers/_dotenv/interpolation.py": "providers/dotenv_text providers/dotenv",
    "providers/_dotenv/text.py": "providers/dotenv_text providers/dotenv",
    "providers/_gcp/names.py": "providers/gcp_names",
    "providers/_meaning.py": "providers/azure_errors providers/gcp_errors",
    "providers/_vault/mounts.py": "providers/vault_mounts",
    "resolver/_delivery.py": f"resolver/resolver resolver/rotation {_CHAIN}",
    "resolver/_board.py": _FLIGHTS,
    "resolver/_cache.py": f"resolver/entries resolver/ages resolver/names resolver/rotation {_MODEL}",
    "resolver/_chain.py": f"{_CHAIN} resolver/following resolver/many resolver/resolver resolver/ages",
    "resolver/_document.py": "resolver/document resolver/line_ends",
    "resolver/_failure.py": f"resolver/places resolver/suggestions resolver/resolver resolver/following {_CHAIN}",
    "resolver/_questions.py": "resolver/resolver resolver/many resolver/rotation resolver/forced",
    "providers/_address.py": "providers/address",
    "providers/reference.py": "providers/reference providers/address",
    "resolver/_refresh.py": "resolver/entries properties/schedule resolver/published_numbers resolver/ages",
    "resolver/_resolution.py": f"{_CHAIN} {_FLIGHTS}",
    "resolver/_route.py": f"{_CHAIN} resolver/suggestions resolver/resolver",
    "resolver/_shortcuts.py": "resolver/clocks resolver/names resolver/published_numbers",
    "resolver/_trace.py": "resolver/resolver resolver/rotation",
    "stores/_cursor.py": "stores/cursor",
    "stores/_memory_listing.py": "stores/memory issuing/memory_store",
    "stores/_news.py": "stores/news",
    "stores/_sql/hosts.py": "stores/address",
    "stores/_sql/lag.py": "stores/lag",
}
"""The words ``resolver/board`` mean the file ``tests/resolver/test_board.py``."""


def near(module: str) -> list[str]:
    """The files of the tests near to a module."""
    words = map(PurePath, NEAR[module].split())
    return [str("tests" / word.with_name(f"test_{word.name}.py")) for word in words]
