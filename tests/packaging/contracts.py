"""The contract of an edge: it imports public names only. pyproject.toml gives it to import-linter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grimp import ImportGraph


class PublicNames(Contract):
    """Packages import no module of the tree whose path has a part that begins with ``_``, besides their own.

    Attributes:
        packages: The packages.
    """

    packages = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look for private imports."""
        found = sorted(set(self._private(graph)))
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each private import."""
        for line in check.metadata["found"]:
            output.print_error(f"{line}: an edge imports public names only")

    def _private(self, graph: ImportGraph) -> Iterator[str]:
        packages: Any = self.packages
        for package in packages:
            for importer in {package} | graph.find_descendants(package):
                for imported in graph.find_modules_directly_imported_by(importer):
                    root, *parts = imported.split(".")
                    is_own = imported == package or imported.startswith(f"{package}.")
                    if root == "secretsource" and not is_own and any(part.startswith("_") for part in parts):
                        yield f"{importer} -> {imported}"
