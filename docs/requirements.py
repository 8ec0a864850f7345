"""Writes requirements.txt and the lock files from pyproject.toml: `make lock`.

python -m docs.requirements

- `requirements.txt`: the direct dependencies of the dashboard and the probe.
- `requirements.lock`: everything that the dashboard needs, with the hashes of the files for all
  platforms.
- `requirements-probe.lock`: the additional packages of the probe, without torch. Its build differs
  between machines (CPU, CUDA versions), so no list of hashes fits all of them. The packages that
  only the CUDA builds need are left out as well: torch pins them itself.

Versions in a lock file that still fit are kept. The resolver is uv; it queries the package index.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK, PROBE_LOCK = ROOT / "requirements.lock", ROOT / "requirements-probe.lock"
TORCH_BUILD = re.compile(r"(torch|triton|nvidia-.+|cuda-.+)==")
OPTIONS = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet")


def direct_dependencies() -> tuple[list[str], list[str]]:
    """Pins of the dashboard and pins of the extra `probe`, as pyproject.toml lists them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["dependencies"]), list(project["optional-dependencies"]["probe"])


def requirements_text() -> str:
    """Content of requirements.txt."""
    dashboard, probe = direct_dependencies()
    lines = [
        "# What the dashboard, the shell and the probe need. Made from pyproject.toml: make lock"
    ]
    return "\n".join([*lines, *sorted([*dashboard, *probe])]) + "\n"


def packages(text: str) -> list[str]:
    """The entries of a lock file, each with its hashes: `name==version \\` and indented lines."""
    return re.findall(r"^\w.*\n(?:[ \t].*\n)*", text, re.M)


def _resolve(pins: Sequence[str], known: Iterable[str], *, is_fixed: bool) -> list[str]:
    """Entries for the pins and all their dependencies; a known version is kept if it fits, or is
    the only one allowed.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted, kept, out = (Path(folder) / name for name in ("wanted.in", "kept.txt", "out.txt"))
        wanted.write_text("\n".join(pins) + "\n", encoding="utf-8")
        kept.write_text("".join(known), encoding="utf-8")
        out.write_text("" if is_fixed else "".join(known), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", str(wanted), "-o", str(out)]
        options = ["--python-version", "3.11", *(["-c", str(kept)] if is_fixed else [])]
        subprocess.run([*command, *OPTIONS, *options], check=True, stdout=subprocess.DEVNULL)
        return packages(out.read_text(encoding="utf-8"))


def main() -> None:
    (ROOT / "requirements.txt").write_text(requirements_text(), encoding="utf-8")
    dashboard, probe = direct_dependencies()
    before = [
        entry
        for file in (LOCK, PROBE_LOCK)
        if file.is_file()
        for entry in packages(file.read_text(encoding="utf-8"))
    ]
    everything = _resolve([*dashboard, *probe], before, is_fixed=False)
    base = _resolve(dashboard, everything, is_fixed=True)
    names = {entry.split("==")[0] for entry in base}
    added = [
        entry
        for entry in everything
        if entry.split("==")[0] not in names and not TORCH_BUILD.match(entry)
    ]
    title = "# {}, with hashes for all platforms. Made from pyproject.toml: make lock\n"
    LOCK.write_text(title.format("The dashboard's packages") + "".join(base), encoding="utf-8")
    PROBE_LOCK.write_text(
        title.format("What the probe needs in addition, without torch") + "".join(added),
        encoding="utf-8",
    )
    sys.stdout.write(f"{LOCK.name}: {len(base)}, {PROBE_LOCK.name}: {len(added)} packages\n")


if __name__ == "__main__":
    main()
