"""The installed command `charybdis`. The wheel holds this file as `charybdis/__init__.py`, and the
rest of the tree beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the shell with its own folder first among the places that Python imports from.

    The folder comes first for child processes as well, so that a foreign package named `data` or
    `ui` is never imported in place of ours.
    """
    folder = str(Path(__file__).resolve().parent)
    sys.path.insert(0, folder)
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, others] if others else [folder])

    from cli import main as run_shell

    run_shell()
