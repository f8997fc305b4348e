"""Which tests are near to a module: those that a fault in it should be found by, each of them short.

Every module that is marked as pure is here, and others that decide a lot beside what they do.
"""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["NEAR", "near"]

_CHAIN = "chain/outcome_table properties/chain_oracle"
_MODEL = f"properties/cache_model {_CHAIN}"
_CHECKS = "issuing/service issuing/faults/faults"
_CONFIG = "config/config config/provider_url"
_FLIGHTS = "resolver/engine/board resolver/engine/forced resolver/engine/flights"

NEAR = {
    "_callback.py": "callback",
    "_ground/key_text.py": "leaks/quotes issuing/key/text issuing/manage/request",
    "_ground/json_text.py": "resolver/walk/document resolver/secret",
    "_ground/suggest.py": "suggest resolver/walk/suggestions config/config",
    "_tuning.py": "config/tuning resolver/published_numbers config/config",
    "cli/secrets/_formats.py": "cli/secrets/formats cli/secrets/export",
    "config/_chain.py": f"{_CONFIG} resolver/walk/suggestions",
    "config/_config.py": f"{_CONFIG} config/config_file",
    "config/_lines.py": "config/toml_lines config/toml_mistakes",
    "config/_mistake.py": "config/toml_mistakes",
    "config/_provider.py": f"{_CONFIG} config/traceless",
    "config/_section.py": f"{_CONFIG} config/toml_mistakes server/settings config/section",
    "config/_settings.py": f"config/driver_settings {_CONFIG}",
    "config/_url.py": "config/provider_url",
    "issuing/_check/steps/gate.py": (
        "issuing/check/mechanisms issuing/check/pepper_rotation issuing/http/admission issuing/service"
    ),
    "issuing/_check/entry.py": (
        "issuing/check/record_cache issuing/check/renewal issuing/check/mechanisms issuing/check/glance"
    ),
    "issuing/_check/policy.py": "issuing/check/policy issuing/manage/request issuing/check/kinds",
    "issuing/_check/record_cache.py": (
        "issuing/check/record_cache issuing/check/renewal issuing/check/mechanisms issuing/check/glance"
    ),
    "issuing/_check/steps/records.py": (
        f"{_CHECKS} issuing/check/mechanisms issuing/check/renewal issuing/check/record_cache issuing/check/look"
    ),
    "issuing/_check/steps/rotation_dates.py": "issuing/answer issuing/service",
    "issuing/_check/route_limit.py": "issuing/check/route_limit",
    "issuing/_check/terms.py": "issuing/check/policy issuing/manage/owners issuing/check/limits issuing/credits",
    "issuing/_check/noting/uses.py": "issuing/check/flush issuing/service",
    "issuing/_check/verifier.py": (
        f"{_CHECKS} issuing/check/glance issuing/check/clocks issuing/check/mechanisms issuing/check/turns"
    ),
    "issuing/_check/steps/weighing.py": (
        f"{_CHECKS} issuing/check/kinds issuing/check/glance issuing/manage/owners issuing/fast_paths "
        "issuing/check/renewal"
    ),
    "issuing/_check/steps/comparison.py": f"{_CHECKS} issuing/check/turns issuing/check/mechanisms",
    "issuing/_check/steps/drawing.py": "issuing/service issuing/check/limits issuing/check/mechanisms issuing/answer",
    "issuing/_document/cells.py": "documents/cells",
    "issuing/_document/draws.py": "documents/documents",
    "issuing/_document/forms.py": "documents/documents",
    "issuing/_document/history.py": "documents/documents",
    "issuing/_document/keys.py": "documents/documents",
    "issuing/_document/outcomes.py": "documents/documents",
    "issuing/_document/tables.py": "documents/documents",
    "issuing/_document/verdicts.py": "documents/documents",
    "issuing/_http/credential.py": "issuing/http/only_header issuing/http/credential issuing/http/admission",
    "issuing/_http/paths.py": "issuing/http/paths",
    "issuing/_http/places.py": "issuing/http/credential issuing/http/admission",
    "issuing/_key/base62.py": "issuing/key/format issuing/key/vectors issuing/key/locator",
    "issuing/_key/foreign.py": "issuing/key/foreign issuing/check/turns",
    "issuing/_key/format.py": "issuing/key/format issuing/key/vectors",
    "issuing/_key/hashing.py": "issuing/key/edges issuing/key/hashing issuing/check/pepper_rotation",
    "issuing/_key/lifecycle.py": "issuing/key/edges issuing/key/lifecycle issuing/key/endings",
    "issuing/_key/locator.py": "issuing/key/locator issuing/check/mechanisms",
    "issuing/_key/lookup.py": "issuing/key/lookup",
    "issuing/_key/rules.py": "issuing/chores",
    "issuing/_key/text.py": "issuing/key/text",
    "issuing/_manage/amend.py": "issuing/manage/updates",
    "issuing/_manage/upkeep/attention.py": "issuing/chores issuing/manage/attention",
    "issuing/_manage/notices.py": "issuing/reuses issuing/chores",
    "issuing/_manage/recent_use.py": "issuing/manage/recent_use",
    "issuing/_manage/registers/owners.py": "issuing/manage/owners issuing/credits",
    "issuing/_manage/field.py": (
        "issuing/manage/bounds issuing/manage/request issuing/key/text issuing/key/edges issuing/manage/metadata "
        "issuing/credits issuing/chores"
    ),
    "issuing/_manage/request.py": (
        "issuing/manage/bounds issuing/manage/request issuing/manage/overview issuing/chores"
    ),
    "issuing/_transfer/bounds.py": "issuing/import_bounds",
    "issuing/_transfer/export.py": "issuing/transfer/export issuing/transfer/intake issuing/credits",
    "issuing/_transfer/intake.py": "issuing/transfer/intake issuing/transfer/imports",
    "issuing/_transfer/row.py": (
        "issuing/transfer/cells issuing/transfer/intake issuing/transfer/imports issuing/transfer/sources"
    ),
    "issuing/_transfer/sources.py": "issuing/transfer/cells issuing/transfer/sources issuing/transfer/imports",
    "issuing/_verdict.py": "issuing/verdict issuing/answer",
    "issuing/statuses.py": "issuing/statuses issuing/answer",
    "issuing/documents.py": "documents/documents",
    "issuing/limits.py": "issuing/check/limits issuing/check/mechanisms",
    "issuing/_check/purses.py": "issuing/credits issuing/answer issuing/check_many issuing/check/purses",
    "issuing/_document/limits.py": "documents/documents",
    "limiters/_at_once.py": "issuing/at_once limiters/rules documents/documents limiters/counted_rules",
    "limiters/_credits.py": "issuing/credits limiters/rules limiters/counted_rules",
    "limiters/_plan.py": "issuing/check/limits issuing/manage/owners issuing/at_once",
    "limiters/_rules.py": (
        "limiters/rules issuing/manage/owners issuing/check/limits issuing/answer issuing/at_once "
        "limiters/counted_rules"
    ),
    "limiters/_state.py": "issuing/check/limits limiters/counted_rules",
    "providers/_azure/conversation.py": "providers/azure/azure_places providers/azure/azure",
    "providers/_azure/names.py": "providers/azure/azure_places providers/azure/azure_names",
    "providers/_azure/validity.py": "providers/azure/azure_validity",
    "providers/_dotenv/editing.py": "providers/writing providers/dotenv/dotenv conformance/dotenv",
    "providers/_dotenv/interpolation.py": "providers/dotenv/dotenv_text providers/dotenv/dotenv",
    "providers/_dotenv/text.py": "providers/dotenv/dotenv_text providers/dotenv/dotenv",
    "providers/_gcp/names.py": "providers/gcp/gcp_names providers/gcp/gcp",
    "providers/_meaning.py": "providers/meaning providers/azure/azure_errors providers/gcp/gcp_errors",
    "providers/_vault/mounts.py": "providers/vault/vault_mount_table providers/vault/vault_mounts",
    "resolver/_walk/agreement.py": "resolver/torn_documents",
    "resolver/_walk/delivery.py": (
        "resolver/walk/delivery resolver/resolver resolver/engine/rotation resolver/engine/discarding "
        "resolver/engine/notices"
    ),
    "resolver/_walk/cache.py": (
        "resolver/walk/cache resolver/walk/entries resolver/walk/ages resolver/walk/names resolver/engine/rotation "
        "resolver/engine/discarding properties/cache_model"
    ),
    "resolver/_walk/chain.py": (
        "resolver/walk/following resolver/many resolver/resolver resolver/walk/ages resolver/default "
        f"chain/version_before {_CHAIN}"
    ),
    "resolver/_walk/document.py": "resolver/walk/document resolver/walk/line_ends",
    "resolver/_walk/failure.py": (
        "resolver/walk/places resolver/walk/suggestions resolver/resolver resolver/walk/following resolver/default "
        f"{_CHAIN}"
    ),
    "resolver/_questions.py": (
        "resolver/short_ways resolver/many resolver/resolver resolver/engine/rotation resolver/engine/forced "
        "resolver/load resolver/engine/notices resolver/walk/ages"
    ),
    "providers/_address.py": "providers/foreign_address providers/address",
    "providers/reference.py": "providers/reference providers/address",
    "resolver/_walk/refresh.py": (
        "resolver/walk/entries properties/schedule resolver/published_numbers resolver/walk/ages"
    ),
    "resolver/_walk/resolution.py": "resolver/walk/resolution",
    "resolver/_walk/route.py": (
        "resolver/walk/routes chain/outcome_table resolver/walk/suggestions resolver/resolver resolver/default"
    ),
    "resolver/_engine/board.py": _FLIGHTS,
    "resolver/_engine/shortcuts.py": "resolver/engine/clocks resolver/walk/names resolver/published_numbers",
    "resolver/_walk/trace.py": "resolver/walk/trace resolver/resolver resolver/engine/rotation",
    "server/chores/settings.py": "server/chores/settings",
    "server/leaks/findings.py": "server/leak_endpoint",
    "server/connections/ambiguity.py": "server/connections/ambiguity",
    "server/connections/heads.py": "server/usual_forms server/in_front",
    "server/gateway/originals.py": "server/originals server/forward_auth server/usual_forms",
    "server/pages/customer/evidence.py": "server/pages/customer/evidence",
    "server/pages/customer/fields.py": "server/pages/customer/fields",
    "server/pages/customer/figures.py": "server/pages/customer/figures",
    "server/pages/customer/rows.py": "server/pages/customer/rows",
    "server/pages/forms.py": "server/pages/forms",
    "server/pages/guard.py": "server/pages/forms",
    "server/pages/looks/charts.py": "server/pages/looks/charts",
    "server/pages/looks/colours.py": "server/pages/looks/colours",
    "server/pages/looks/formats.py": "server/pages/looks/formats server/pages/looks/reader",
    "server/pages/looks/mistakes.py": "server/pages/looks/mistakes",
    "server/pages/looks/spans.py": "server/pages/looks/spans",
    "server/pages/looks/words.py": "server/pages/looks/words",
    "server/questions.py": "server/verify server/usual_forms",
    "server/gateway/peers.py": "server/peers",
    "server/oidc/attempt.py": "server/oidc/id_token server/oidc/oidc",
    "server/oidc/id_token.py": "server/oidc/id_token server/oidc/oidc",
    "server/oidc/settings.py": "server/oidc/oidc_settings",
    "server/oidc/standing.py": "server/oidc/id_token server/oidc/oidc",
    "server/outgoing/retries.py": "server/webhooks/retries",
    "server/outgoing/targets.py": "server/webhooks/targets server/settings",
    "server/pages/operator/bars.py": "server/pages/bars",
    "server/pages/operator/fields.py": "server/pages/operator_fields",
    "server/pages/operator/searching.py": "server/pages/searching",
    "server/problems.py": "server/problems",
    "server/open_paths/reference_page.py": "server/open_paths",
    "server/rights.py": "server/rights",
    "server/settings.py": "server/settings",
    "server/gateway/routes.py": "server/routes server/forward_auth",
    "server/webhooks/events.py": "server/webhooks/events",
    "server/webhooks/settings.py": "server/webhooks/settings",
    "server/webhooks/signature.py": "server/webhooks/signature",
    "stores/_cursor.py": "stores/cursor",
    "stores/_memory/listing.py": "stores/memory issuing/memory_store",
    "stores/_feed/news.py": "stores/feeds/news",
    "stores/_sql/connections/hosts.py": "stores/sql/address",
    "stores/_sql/lookups/lag.py": "stores/sql/lag",
}
"""The words ``resolver/engine/board`` mean the file ``tests/resolver/engine/test_board.py``."""


def near(module: str) -> list[str]:
    """The files of the tests near to a module."""
    words = map(PurePath, NEAR[module].split())
    return [str("tests" / word.with_name(f"test_{word.name}.py")) for word in words]
