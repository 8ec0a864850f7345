"""What stands around every page when things are not as they should be, and what it costs to
start.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

OpenApp = Callable[[Path], AppTest]
ROOT = Path(__file__).resolve().parents[2]
PAGES = ("overview", "valley", "samples", "runs")


def test_a_file_that_is_no_store_is_a_notice_that_says_what_to_do(
    open_app: OpenApp, tmp_path: Path
) -> None:
    (tmp_path / "charybdis.duckdb").write_text("not a database " * 1000)
    app = open_app(tmp_path).run()
    assert not app.exception
    assert "Charybdis store" in app.error[0].value
    assert not app.title


def test_a_folder_without_a_store_gets_one_with_the_published_figures(
    open_app: OpenApp, tmp_path: Path
) -> None:
    app = open_app(tmp_path / "new").run()
    assert not app.exception
    assert "GPT-4o" in app.sidebar.multiselect(key="models").options


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("store", ["demo_store", "empty_store", "odd_store"])
def test_every_page_starts_on_every_store(
    open_app: OpenApp, request: pytest.FixtureRequest, store: str, page: str
) -> None:
    app = open_app(request.getfixturevalue(store)).run()
    app.switch_page(f"pages/{page}/page.py").run()
    assert not app.exception
    assert app.title


def test_every_folder_of_pages_is_in_the_page_table_and_holds_no_page_beside_it() -> None:
    named = re.findall(r'PageInfo\(\s*"(\w+)"', (ROOT / "app.py").read_text())
    folders = {path.parent.name for path in (ROOT / "pages").glob("*/page.py")}
    assert folders == set(named) and len(named) == len(set(named))
    # A script directly in pages/ is found by Streamlit's own scan; a cold link to it would run it
    # without the shell.
    assert [file.name for file in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


def test_the_shell_starts_without_the_heavy_libraries() -> None:
    heavy = ("torch", "transformers", "scipy", "statsmodels")
    code = f"import sys, ui.shell; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
