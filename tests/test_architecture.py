"""The walls of docs/architecture.md, executed: who may import what (the contracts in pyproject.toml
and what they cannot say), where a connection opens, what is cached, what is never written.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WALLS = {
    "app.py": ({"api", "ui"}, {"torch", "transformers", "plotly", "duckdb", "scipy", "pandas"}),
    "cli.py": ({"commands"}, {"torch", "transformers", "plotly", "duckdb", "scipy"}),
    "launcher.py": ({"cli"}, {"torch", "transformers", "plotly", "duckdb", "scipy"}),
}
"""Front door -> (what of ours it may import, what of others' it may not). The walls between folders
are contracts in pyproject.toml; import-linter knows folders only.
"""
FOLDERS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["root_packages"]


def _files(*places: str) -> list[Path]:
    found = [
        file
        for place in places
        for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    return sorted(file for file in found if file.is_file())


PRODUCT = _files(*FOLDERS, *WALLS)
EVERYTHING = [*PRODUCT, *_files("tests", "benchmarks", "docs")]


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from data import records` names data.records; `from data.records import Split` names
            # data.records as well.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_there_is_something_to_look_at() -> None:
    assert {"data/records.py", "cli.py", "app.py"} <= {_name(file) for file in PRODUCT}


def test_every_folder_of_the_product_is_behind_the_walls() -> None:
    found = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert found == set(FOLDERS), "name the folder in [tool.importlinter] of pyproject.toml"


def test_the_walls_stand() -> None:
    """The contracts of pyproject.toml, as `make check` runs them."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("door", WALLS)
def test_a_front_door_imports_only_what_it_may(door: str) -> None:
    allowed, refused = WALLS[door]
    roots = {module.split(".")[0] for module in _imports(_tree(ROOT / door))}
    assert roots & {*FOLDERS, "app", "cli"} <= allowed
    assert not roots & refused


def _module(file: Path) -> str:
    return _name(file).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _import_graph() -> dict[str, set[str]]:
    """Module -> modules of ours that it imports, at its top, inside functions or for types."""
    modules = {_module(file) for file in PRODUCT}
    return {
        _module(file): {
            target
            for module in _imports(_tree(file))
            if (target := _longest_known(module, modules)) and target != _module(file)
        }
        for file in PRODUCT
    }


def _longest_known(name: str, modules: set[str]) -> str | None:
    """The module that an import names: `data.records.Split` names data.records."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def _reached_from(graph: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(graph[module])
    return reached


def _circles(graph: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """The groups in which every member reaches every other one (strongly connected components)."""
    reached = {name: _reached_from(graph, name) for name in graph}
    return {
        tuple(sorted({other for other in reached[name] if name in reached[other]}))
        for name in graph
        if name in reached[name]
    }


def test_a_circle_is_found() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {("b", "c")}


def test_no_import_goes_in_a_circle() -> None:
    """Lazy imports and those for types count too: a circle of them is one room with two doors."""
    assert not _circles(_import_graph())


@pytest.mark.parametrize("name", ["data/records.py", "analysis/text.py"])
def test_what_everything_imports_knows_the_standard_library_only(name: str) -> None:
    assert {
        module.split(".")[0] for module in _imports(_tree(ROOT / name))
    } <= sys.stdlib_module_names


def test_only_the_store_opens_a_database() -> None:
    openers = {
        _name(file)
        for file in EVERYTHING
        for called, _ in _calls(_tree(file))
        if called in ("duckdb.connect", "duckdb.DuckDBPyConnection")
    }
    assert {name for name in openers if not name.startswith("tests/")} == {"data/opening.py"}
    users = {_name(file) for file in PRODUCT if "data.opening.connect" in _imports(_tree(file))}
    assert users == {"data/store.py"}


def test_the_store_gives_out_cursors_and_never_its_connection() -> None:
    store = next(
        node
        for node in _tree(ROOT / "data/store.py").body
        if isinstance(node, ast.ClassDef) and node.name == "Store"
    )
    returned = [
        ast.unparse(node.value)
        for node in ast.walk(store)
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None
    ]
    assert "self._connection" not in returned


@pytest.mark.parametrize("file", _files("ui", "pages", "app.py"), ids=_name)
def test_caches_stand_in_one_file_are_bounded_and_key_on_every_argument(file: Path) -> None:
    for node in ast.walk(_tree(file)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        caches = [
            decorator
            for decorator in node.decorator_list
            if "cache_data" in ast.unparse(decorator) or "cache_resource" in ast.unparse(decorator)
        ]
        if caches:
            assert _name(file) == "ui/kept.py", f"{node.name} is cached outside ui/kept.py"
            (cache,) = caches
            assert isinstance(cache, ast.Call) and "max_entries" in {
                keyword.arg for keyword in cache.keywords
            }, f"{node.name}: no max_entries"
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert not [one.arg for one in arguments if one.arg.startswith("_")], (
                f"{node.name}: Streamlit does not hash `_` arguments"
            )


@pytest.mark.parametrize("file", EVERYTHING, ids=_name)
def test_imports_are_absolute_and_nothing_dangerous_is_called(file: Path) -> None:
    tree = _tree(file)
    relative = [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level
    ]
    bare = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    called = {
        name
        for name, _ in _calls(tree)
        if name in ("eval", "exec", "breakpoint", "pickle.load", "pickle.loads")
    }
    pickles = {
        module
        for module in _imports(tree)
        if module.split(".")[0] in ("pickle", "dill", "cloudpickle", "pdb")
    }
    assert not relative and not bare and not called and not pickles


@pytest.mark.parametrize("file", _files("tests"), ids=_name)
def test_every_test_tests_something(file: Path) -> None:
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            body = [
                one
                for one in node.body
                if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            ]
            assert body and not all(isinstance(one, ast.Pass) for one in body), (
                f"{node.name} is empty"
            )


def test_opening_the_app_and_every_page_leaves_torch_alone(demo_store: Path) -> None:
    code = """
import sys
import tomllib
from pathlib import Path
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=60).run()
for page in sorted(Path("pages").glob("*/page.py")):
    app.switch_page(page.as_posix()).run()
    assert not app.exception, (page, app.exception)
print(sorted({"torch", "transformers"} & sys.modules.keys()))
"""
    environment = os.environ | {"CHARYBDIS_STORE": str(demo_store)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env=environment,
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr


def test_pages_lie_one_folder_deep() -> None:
    """A script directly in pages/ is found by Streamlit's own scan too, and a cold deep link to it
    would run it without app.py.
    """
    assert [file.name for file in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


def test_tests_are_no_package() -> None:
    """tests/data/__init__.py would shadow our `data`. What recipes add belongs to a copy."""
    packages = {_name(file) for file in (ROOT / "tests").rglob("__init__.py")}
    assert not {name for name in packages if not name.startswith("tests/recipes/")}


def test_files_stay_small_enough_to_read() -> None:
    """Statements and not lines: how a formatter breaks them says nothing about size."""
    sizes = {
        _name(file): sum(isinstance(node, ast.stmt) for node in ast.walk(_tree(file)))
        for file in PRODUCT
    }
    assert not {name: size for name, size in sizes.items() if size > 300}
