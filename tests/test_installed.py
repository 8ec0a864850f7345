"""The wheel: what it holds, and that the installed command works from any folder, whatever foreign
packages lie on the path. The checkout is held to the same.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data.locations import ROOT, default_store, user_data_folder
from docs.requirements import LOCK, PROBE_LOCK, direct_dependencies, packages, requirements_text

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = sorted(
    path.parent.name
    for path in ROOT.glob("*/__init__.py")
    if path.parent.name not in ("tests", "docs", "benchmarks")
)
PRODUCT = ("app.py", "cli.py", ".streamlit", *FOLDERS)
STRANGERS = (*FOLDERS, "app", "cli")
START_SECONDS = 120


def product_files(root: Path) -> dict[str, bytes]:
    """Every file of the product below this folder, by its path."""
    files = [
        file
        for name in PRODUCT
        for file in ([root / name] if name.endswith(".py") else (root / name).rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    ]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files}


def build(kind: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `charybdis` in an environment of its own, which takes other packages from the
    environment of the tests.
    """
    folder = tmp_path_factory.mktemp("installed") / ".venv"
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    options = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel)]
    subprocess.run(pip, check=True, timeout=120)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "of-the-tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    plant_strangers(site)
    return folder / "bin" / "charybdis"


def plant_strangers(folder: Path) -> Path:
    """Packages with the names of ours, which stop the process that imports them."""
    for name in STRANGERS:
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise SystemExit('a foreign ' + __name__)\n")
    return folder


@pytest.fixture(params=["checkout", "installed"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """How to start the shell: from the checkout, and from the installed package."""
    if request.param == "checkout":
        return [sys.executable, str(ROOT / "cli.py")]
    return [str(request.getfixturevalue("installed"))]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables of a person without a store of their own, with foreign packages on the path."""
    kept = {name: value for name, value in os.environ.items() if name != "CHARYBDIS_STORE"}
    strangers = plant_strangers(tmp_path / "strangers")
    home = tmp_path / "home"
    return kept | {"PYTHONPATH": str(strangers), "HOME": str(home), "XDG_DATA_HOME": ""}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The folder that a person works in, with foreign packages as well."""
    return plant_strangers(tmp_path / "here")


def run(
    command: list[str], *words: str, here: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *words], cwd=here, env=environment, capture_output=True, text=True, timeout=240
    )


# -- what pyproject.toml says ----------------------------------------------------------------------


def test_requirements_txt_is_what_pyproject_makes_of_it() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert text == requirements_text()
    dashboard, probe = direct_dependencies()
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert sorted(pins) == sorted([*dashboard, *probe])
    assert {"starlette", "pydantic"} <= {pin.split("==")[0] for pin in dashboard}
    assert {"torch", "transformers"} <= {pin.split("==")[0] for pin in probe}


def test_lock_files_hold_every_pin_with_hashes_and_name_no_index() -> None:
    dashboard, probe = direct_dependencies()
    pins = {LOCK: set(dashboard), PROBE_LOCK: {pin for pin in probe if "torch==" not in pin}}
    names = []
    for file, wanted in pins.items():
        text = file.read_text(encoding="utf-8")
        entries = packages(text)
        assert "".join(entries) == text.split("\n", 1)[1]  # nothing but entries under the title
        assert wanted <= {entry.split(" ")[0] for entry in entries}
        assert all(
            re.fullmatch(r"[^\n]+==[^\n]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", entry)
            for entry in entries
        )
        assert "://" not in text
        names.append({entry.split("==")[0] for entry in entries})
    assert not names[0] & names[1]
    assert not {"torch", "triton"} & (names[0] | names[1])


def test_lock_files_hold_wheels_of_several_platforms() -> None:
    """duckdb is compiled: one platform and Python version has one wheel."""
    (duckdb,) = [entry for entry in packages(LOCK.read_text()) if entry.startswith("duckdb==")]
    assert duckdb.count("--hash") > 10
    assert "sys_platform == 'win32'" in LOCK.read_text()


# -- what the wheel holds --------------------------------------------------------------------------


def test_the_wheel_holds_the_tree_unchanged_in_one_folder(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    meta = f"charybdis-{PROJECT['project']['version']}.dist-info/"
    ours = {name: held[name] for name in held if not name.startswith(meta)}
    launcher = {"charybdis/__init__.py": (ROOT / "launcher.py").read_bytes()}
    expected = {f"charybdis/{name}": content for name, content in product_files(ROOT).items()}
    assert ours.keys() == expected.keys() | launcher.keys()
    assert ours == expected | launcher
    assert f"{meta}licenses/LICENSE" in held


def test_the_wheel_holds_catalog_figures_ladder_and_styles(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    single = (
        ".streamlit/config.toml",
        "data/schema.sql",
        "data/catalog/methods.toml",
        "data/catalog/models.csv",
        "data/catalog/certified.json",
        "data/published/scylla_table2.csv",
        "data/ladder/runs.parquet",
        "probe/ladder/weights/ladder-1M-s0/model.safetensors",
        "ui/chart.js",
        "ui/shell.css",
        "ui/logo.svg",
        "ui/meeting/snapshot.html",
    )
    assert not {f"charybdis/{name}" for name in single} - held


def test_the_wheel_asks_for_the_dashboards_packages_and_for_the_probes_as_an_extra(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().splitlines()
    asked = [line.removeprefix("Requires-Dist: ") for line in lines if "Requires-Dist" in line]
    dashboard, probe = direct_dependencies()
    assert sorted(asked) == sorted([*dashboard, *(f"{pin}; extra == 'probe'" for pin in probe)])
    assert f"Requires-Python: {PROJECT['project']['requires-python']}" in lines


def test_a_wheel_made_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    again = build("wheel", source, tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()
        }


# -- the default store -----------------------------------------------------------------------------


def test_the_default_store_of_a_checkout_lies_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHARYBDIS_STORE", raising=False)
    assert default_store() == ROOT / "store"


def test_a_named_store_counts_from_the_callers_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("CHARYBDIS_STORE", "mine")
    assert default_store() == tmp_path / "mine"
    monkeypatch.setenv("CHARYBDIS_STORE", "~/mine")
    assert default_store() == Path("/home/somebody/mine")


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {}, "/home/somebody/.local/share"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data"),
        ("linux", {"XDG_DATA_HOME": "data"}, "/home/somebody/.local/share"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/somebody/Library/Application Support"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
        ("win32", {}, "/home/somebody/AppData/Local"),
    ],
)
def test_user_data_lie_where_the_system_keeps_them(
    platform: str, variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/home/somebody")
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert user_data_folder() == Path(folder)


def test_the_default_store_of_an_installed_package_lies_among_the_users_data(
    installed: Path, here: Path, environment: dict[str, str]
) -> None:
    home = Path(environment["HOME"])
    words = ("store", "info", "--empty", "--json")
    found = run([str(installed)], *words, here=here, environment=environment)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["path"] == str(home / ".local/share/charybdis/store")
    environment["CHARYBDIS_STORE"] = "mine"
    found = run([str(installed)], *words, here=here, environment=environment)
    assert json.loads(found.stdout)["path"] == str(here / "mine")


# -- from any folder, among foreign packages -------------------------------------------------------


@contextmanager
def dashboard(
    command: list[str], *words: str, here: Path, environment: dict[str, str], log: Path
) -> Iterator[str]:
    """The address of a dashboard that `app` started. It is ended as Ctrl-C ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    whole = [*command, "app", "--no-browser", "--port", str(port), *words]
    with log.open("wb") as out:
        process = subprocess.Popen(whole, cwd=here, env=environment, stdout=out, stderr=out)
    try:
        for _ in range(START_SECONDS * 10):
            assert process.poll() is None, log.read_text()
            try:
                fetch(f"http://127.0.0.1:{port}/_stcore/health")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def test_the_dashboard_starts_in_a_strangers_folder(
    command: list[str], here: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    made = run(
        command, "store", "info", "--empty", "--store", "mine", here=here, environment=environment
    )
    assert made.returncode == 0, made.stderr
    log = tmp_path / "log"
    options = {"here": here, "environment": environment, "log": log}
    with dashboard(command, "--store", "mine", **options) as address:  # type: ignore[arg-type]
        assert '<div id="root">' in fetch(f"{address}/valley")
        assert json.loads(fetch(f"{address}/api/v1/store"))["runs"] == 0
    assert f"Store: {here / 'mine'}\n" in log.read_text()
    written = {path.name for path in here.iterdir()} - set(STRANGERS)
    assert written == {"mine"}


def test_pages_are_drawn_in_a_strangers_folder(
    command: list[str], demo_store: Path, here: Path, environment: dict[str, str]
) -> None:
    environment["CHARYBDIS_STORE"] = os.path.relpath(demo_store, here)
    words = ("report", "--view", "valley?models=demo-large", "--out", "out.html", "--json")
    done = run(command, *words, here=here, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "demo-large" in (here / "out.html").read_text(encoding="utf-8")


def test_a_child_process_imports_our_packages_too(
    installed: Path, demo_store: Path, here: Path, environment: dict[str, str]
) -> None:
    """As the process that reads slides again; PYTHONSAFEPATH takes its folder off the path."""
    code = f"""
import sys, charybdis
sys.argv = ["charybdis", "--help"]
try:
    charybdis.main()
except SystemExit:
    pass
from pathlib import Path
from ui.meeting.meetings import read_pages
(page,) = read_pages(["valley?models=demo-large"], Path({str(demo_store)!r}))
print("read", len(page["blocks"]) > 0)
"""
    environment["PYTHONSAFEPATH"] = "1"
    python = str(installed.with_name("python"))
    done = run([python], "-c", code, here=here, environment=environment)
    assert done.stdout.splitlines()[-1:] == ["read True"], done.stderr
