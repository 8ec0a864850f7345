"""What the environment and the project file say about this start of the dashboard."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from data.locations import ROOT, default_store, is_checkout


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices made before the server starts."""

    store: Path
    """Folder of the store, an absolute path."""


@cache
def settings() -> Settings:
    """Read the environment, once."""
    return Settings(store=default_store())


@cache
def version() -> str:
    """Charybdis' own version, as pyproject.toml or the installed package states it."""
    if not is_checkout():
        return metadata.version("charybdis")
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(stated["project"]["version"])
