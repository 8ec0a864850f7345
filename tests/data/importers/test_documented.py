"""Every importer has its tests, and docs/formats.md names every place that a declared field is read
from.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from pkgutil import iter_modules

import pytest

from data.importers import IMPORTERS
from data.importers.kit.base import Importer
from data.importers.kit.field_map import Mapped

DOCS = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")


def declared(importer: Importer) -> list[Mapped]:
    """Every declared field in the modules of the importer's folder."""
    package = type(importer).__module__.rpartition(".")[0]
    (folder,) = importlib.import_module(package).__path__
    modules = [importlib.import_module(f"{package}.{one.name}") for one in iter_modules([folder])]
    tables = [value for module in modules for value in vars(module).values()]
    return [
        field
        for table in tables
        if isinstance(table, tuple)
        for field in table
        if isinstance(field, Mapped)
    ]


DECLARING = [importer for importer in IMPORTERS if declared(importer)]


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.name)
def test_every_importer_has_tests_of_its_own(importer: Importer) -> None:
    assert Path(__file__).with_name(f"test_{importer.name}.py").exists()


def test_importers_declare_fields() -> None:
    assert {"inspect", "helm"} <= {importer.name for importer in DECLARING}


@pytest.mark.parametrize("importer", DECLARING, ids=lambda importer: importer.name)
def test_every_source_path_is_in_the_documentation(importer: Importer) -> None:
    heading = f"\n## {importer.label}\n"
    section = DOCS.split(heading, 1)[1].split("\n## ", 1)[0].replace("[0]", ".0")
    rows = declared(importer)
    missing = [
        path
        for row in rows
        for path in row.paths
        if path not in section and path.rpartition(".")[0] not in section
    ]
    assert missing == []
