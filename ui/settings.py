"""What the environment and the project file say about this start of the dashboard."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices made before the server starts."""

    store: Path
    """Folder of the store (CHARYBDIS_STORE; default: `store` in the project's root)."""


@cache
def settings() -> Settings:
    """Read the environment, once."""
    return Settings(store=Path(os.environ.get("CHARYBDIS_STORE") or _ROOT / "store"))


@cache
def version() -> str:
    """Charybdis' own version, as pyproject.toml states it."""
    return str(
        tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    )
