"""Where files are kept on this machine: the project's own folder, and the default store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The folder with `app.py`: the checkout, or the folder `charybdis` of an installed wheel."""


def default_store() -> Path:
    """Absolute path of the store to open when no option names one.

    CHARYBDIS_STORE (a relative path counts from the working directory), else the folder `store` of
    a checkout, else the folder `charybdis/store` among the user's data.
    """
    named = os.environ.get("CHARYBDIS_STORE")
    if named:
        return Path(os.path.expanduser(named)).absolute()
    return (ROOT if is_checkout() else user_data_folder() / "charybdis") / "store"


def is_checkout() -> bool:
    """Whether this is the repository's tree; a wheel does not contain `pyproject.toml`."""
    return (ROOT / "pyproject.toml").is_file()


def user_data_folder() -> Path:
    """Where programs keep a user's data: `%LOCALAPPDATA%` on Windows, `~/Library/Application
    Support` on macOS, else `$XDG_DATA_HOME` or `~/.local/share`.

    A relative XDG_DATA_HOME is ignored, as its specification demands.
    """
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else home / ".local" / "share"
