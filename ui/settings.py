"""What the environment says about this start of the dashboard."""

from __future__ import annotations

import os
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
