"""The page ``/docs``: the document of the API for people, without a script and without a request elsewhere. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["STYLE_DIGEST", "reference_page"]

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,"DejaVu Sans",sans-serif;max-width:56rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}
details{border-bottom:1px solid var(--line);padding:.4rem 0}summary{cursor:pointer}
code,pre{font:14px/1.4 ui-monospace,"DejaVu Sans Mono",monospace}pre{background:var(--soft);padding:.6rem;overflow:auto}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}
.verb{display:inline-block;min-width:4rem;font-weight:600}.said{opacity:.75}
"""
STYLE_DIGEST = f"sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}"
"""The digest of the only style in the page, for its policy of content."""
_DEEPEST = 4


def reference_page(document: Mapping[str, Any]) -> str:
    """Write the page.

    Args:
        document: The document of the API (OpenAPI 3.1).

    Returns:
        A whole HTML page.
    """
    info = document["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    parts = [f"<h1>{title}</h1>", *(f"<p>{_prose(each)}</p>" for each in info["description"].strip().split("\n\n"))]
    for tag, operations in _by_tag(document).items():
        parts.append(f"<h2>{escape(tag)}</h2>")
        parts.extend(_operation(*each, document) for each in operations)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    """Return the operations under their headings, each with its method and path."""
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return found


def _operation(method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    needed = f"<p>{_needed(operation['security'], document)}</p>"
    about = "".join(f"<p>{_prose(each)}</p>" for each in operation["description"].split("\n\n"))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    fields = [(each["name"], each["schema"], each.get("required", False)) for each in operation.get("parameters", ())]
    fields += [] if body is None else list(_fields(_followed(body, document), document))
    statuses = "".join(
        f"<tr><td><code>{status}</code></td><td>{_prose(_response(answer, document)['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><span class="verb">{method}</span> '
        f"<code>{escape(path)}</code></summary>{about}{needed}{_table(fields)}"
        f"<table>{statuses}</table></details>"
    )


def _needed(security: Sequence[Mapping[str, list[str]]], document: Mapping[str, Any]) -> str:
    """Return in one sentence what opens an operation."""
    if not security:
        return "Needs no key."
    ((scheme, scopes),) = security[0].items()
    if scopes:
        return f"Needs {', '.join(f'<code>{escape(scope)}</code>' for scope in scopes)}."
    return f"Needs no scope. {_prose(document['components']['securitySchemes'][scheme]['description'])}"


def _response(answer: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer that may be a reference."""
    name: str | None = answer.get("$ref")
    found: Mapping[str, Any] = answer
    if name is not None:
        found = document["components"]["responses"][name.rpartition("/")[2]]
    return found


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield the fields of a body."""
    for name, field in schema.get("properties", {}).items():
        yield name, _followed(field, document), name in schema.get("required", ())


def _followed(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without its references, and without the alternative of null."""
    for _ in range(_DEEPEST):
        others = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
        if len(others) == 1:
            schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **others[0]}
        elif "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        else:
            break
    return schema


def _table(fields: Iterable[tuple[str, Mapping[str, Any], bool]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{' *' if required else ''}</td><td>{_kind(field)}</td>"
        f'<td class="said">{_prose(field.get("description", ""))}</td></tr>'
        for name, field, required in fields
    )
    return f"<table><tr><th>field</th><th>form</th><th></th></tr>{rows}</table>" if rows else ""


def _kind(schema: Mapping[str, Any]) -> str:
    """Return the form of a field in a few words, with an example."""
    kind = schema.get("format") or schema.get("type") or "any"
    if kind == "array":
        kind = f"list of {schema.get('items', {}).get('type', 'texts')}s"
    if "enum" in schema:
        kind = " | ".join(str(each) for each in schema["enum"])
    example = f" such as <code>{escape(json.dumps(schema['examples'][0]))}</code>" if schema.get("examples") else ""
    return f"{escape(str(kind))}{example}"


def _prose(text: str) -> str:
    """Return a text with its code marked."""
    parts = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
