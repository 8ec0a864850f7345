"""The budget for reruns of browser tests: kept, overdrawn, and counted over all workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser_reruns import BUDGET

ROOT = Path(__file__).resolve().parent.parent
FLAKY = """
from pathlib import Path

import pytest

@pytest.mark.browser
@pytest.mark.parametrize("number", range({n}))
def test_works_the_second_time(number: int) -> None:
    tried = Path(__file__).with_name(f"tried-{{number}}")
    first = not tried.exists()
    tried.touch()
    assert not first
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.browser_reruns"),
            *("-c", ROOT / "pyproject.toml", "--rootdir", folder, *options, folder),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_with_few_reruns_passes_and_one_with_many_fails(tmp_path: Path, workers: str) -> None:
    for n, status in ((BUDGET, 0), (BUDGET + 1, 1)):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "test_flaky.py").write_text(FLAKY.format(n=n))
        done = run(folder, "-n", workers)
        assert done.returncode == status, done.stdout
        assert f"{n} passed" in done.stdout and f"{n} rerun" in done.stdout
        assert ("too many reruns" in done.stdout) is bool(status)
    assert all(f"test_works_the_second_time[{number}]" in done.stdout for number in range(n))
