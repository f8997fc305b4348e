"""The variables that azure-identity makes credentials from; pure, but for a look at the files.

A mistake there does not pass by itself, so it is never reported as an outage, which a chain may step over.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsource.providers._regular_file import read_file, signature_at
from secretsource.providers._wire.origins import distrusted, kept_back
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["distrust_in", "flaw_in", "mark_of"]

TENANT, CLIENT, SECRET = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"
CERTIFICATE, TOKEN = "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"
PASSWORDS = ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_USERNAME", "AZURE_PASSWORD")
VAULT, AUTHORITY = "AZURE_KEY_VAULT_URL", "AZURE_AUTHORITY_HOST"
VARIABLES = (TENANT, CLIENT, SECRET, CERTIFICATE, TOKEN, *PASSWORDS)
FILES = (CERTIFICATE, TOKEN)

_TENANT = re.compile(r"[A-Za-z0-9.-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


def mark_of(environ: Mapping[str, str]) -> int:
    """Return a mark that changes with the credentials that the environment names, and reveals nothing of them."""
    named = [environ.get(variable) for variable in VARIABLES]
    files = [signature_at(path) for variable in FILES if (path := environ.get(variable))]
    return hash((*named, *files))


def distrust_in(environ: Mapping[str, str], vault_url: str, options: Mapping[str, Any]) -> Failed | None:
    """Return why this machine's credentials are not sent to the address in a file; None if they may be.

    Args:
        environ: The environment.
        vault_url: The vault.
        options: The options of ``DefaultAzureCredential``, whose ``authority`` receives the credentials themselves.
    """
    named = {VAULT: vault_url, AUTHORITY: options.get("authority")}
    for variable, address in named.items():
        usual = environ.get(variable)
        if address and usual and (reason := distrusted(_url(address), _url(usual), variable)):
            return kept_back(reason)
    return None


def flaw_in(environ: Mapping[str, str], options: Mapping[str, Any]) -> Failed | None:
    """Return why the credentials that the environment names cannot be made; None if they can, or if it names none.

    Args:
        environ: The environment.
        options: Those of ``DefaultAzureCredential``, which can exclude a kind of credentials.
    """
    if not (environ.get(TENANT) and environ.get(CLIENT)):
        return None
    if not options.get("exclude_environment_credential"):
        if environ.get(SECRET):
            return _flaw_of_text(environ, TENANT, CLIENT, SECRET)
        if environ.get(CERTIFICATE):
            return _flaw_of_text(environ, TENANT, CLIENT) or _flaw_of_file(environ, CERTIFICATE)
    if environ.get(TOKEN) and not options.get("exclude_workload_identity_credential"):
        return _flaw_of_text(environ, TENANT, CLIENT) or _flaw_of_file(environ, TOKEN)
    return None


def _url(address: str) -> str:
    return address if "://" in address else f"https://{address}"


def _flaw_of_text(environ: Mapping[str, str], *variables: str) -> Failed | None:
    for variable in variables:
        text = environ[variable]
        form = _TENANT if variable == TENANT else _PRINTABLE
        if form.fullmatch(text) is None or text != text.strip():
            what = "is not the id or domain of a tenant" if variable == TENANT else "has a line break or a blank in it"
            return _failure(f"{variable} {what}", f"set {variable} anew, without anything before or after it")
    return None


def _flaw_of_file(environ: Mapping[str, str], variable: str) -> Failed | None:
    path = environ[variable]
    shown = path if path.isprintable() and len(path) < 256 else "the file"
    contents = read_file(str(Path(path).absolute()), shown)
    if isinstance(contents, (NotFound, Failed)):
        return _failure(contents.reason or f"{shown} cannot be read", f"check {variable}")
    if not contents.value.strip():
        return _failure(f"{shown} is empty", f"check {variable}")
    return None


def _failure(reason: str, remedy: str) -> Failed:
    return Failed(FailureCode.UNAUTHENTICATED, f"Azure credentials cannot be made: {reason}", remedy)
