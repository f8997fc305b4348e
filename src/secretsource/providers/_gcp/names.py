"""The resource names of Secret Manager.

https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from secretsource.providers.base import SecretRef

__all__ = ["LATEST", "NAME", "PROJECT_ID", "REGION", "Place", "place_of"]

LATEST = "latest"
"""The alias of the newest version, in every state."""

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
PROJECT_ID = re.compile(r"[A-Za-z0-9.:_-]+")
REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_VERSION = re.compile(r"[1-9][0-9]{0,18}|[A-Za-z][A-Za-z0-9_-]{0,62}")
_PATH = re.compile(
    rf"projects/({PROJECT_ID.pattern})(?:/locations/({REGION.pattern}))?/secrets/({NAME.pattern})(?:/versions/([^/]+))?"
)

_NO_NAME = Failed(
    FailureCode.MISCONFIGURED,
    "the reference is not the name of a secret of Google Cloud",
    "write  gcp://NAME  or  gcp://projects/PROJECT/secrets/NAME  with letters, digits, '-' and '_' in the name",
)
_TWO_VERSIONS = Failed(
    FailureCode.MISCONFIGURED,
    "the reference names more than one version",
    "give a number or an alias, once: ?version=3 or ?stage=ALIAS",
)


class Place(NamedTuple):
    """One version of one secret.

    Attributes:
        project: Id or number of the project; None if the credentials must say.
        location: Region of a regional secret; None for a global one.
        secret: The secret's id.
        version: A number, an alias, or ``latest``.
    """

    project: str | None
    location: str | None
    secret: str
    version: str = LATEST

    @property
    def path(self) -> str:
        """The resource name of the secret."""
        region = "" if self.location is None else f"/locations/{self.location}"
        return f"projects/{self.project}{region}/secrets/{self.secret}"

    @property
    def words(self) -> str:
        """Project and region, for a person."""
        project = "no project" if self.project is None else f"project {self.project}"
        return project if self.location is None else f"{project}, {self.location}"

    @property
    def shown(self) -> str:
        """The subject of a question: the secret, and the version unless it is the newest."""
        return self.path if self.version == LATEST else self.version_path

    @property
    def version_path(self) -> str:
        """The resource name of the version."""
        return f"{self.path}/versions/{self.version}"


@lru_cache(maxsize=1024)  # the same names are asked for again and again
def place_of(ref: SecretRef, project: str | None, location: str | None) -> Place | NotFound | Failed:
    """Return the version that a reference leads to: a name in a project and region, or a complete resource name.

    Args:
        ref: A name or a resource name, with a version or alias in ``version``, in ``stage``, or in the resource name.
        project: The project of a name without its own.
        location: The region of a name without its own.
    """
    path = _PATH.fullmatch(ref.location)
    if path is None and NAME.fullmatch(ref.location) is None:
        return _NO_NAME
    wanted = {ref.version, ref.stage, path and path[4]} - {None}
    if len(wanted) > 1:
        return _TWO_VERSIONS
    version = wanted.pop() if wanted else LATEST
    if version is None or _VERSION.fullmatch(version) is None:
        return NotFound("Google Cloud has no such version or alias")
    if path is None:
        return Place(project, location, ref.location, version)
    return Place(path[1], path[2], path[3], version)
