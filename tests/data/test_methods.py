"""The list of methods: every number has its row, every row its function, and certified values agree
as it says.
"""

from __future__ import annotations

import ast
import importlib
import json
import math
from pathlib import Path

import pytest

from analysis.certified import METHODS
from analysis.verify import verify_file
from data.catalog import CatalogError
from data.methods import (
    CERTIFIED_FILE,
    METHODS_FILE,
    REFERENCE,
    SHIPPED,
    agreement_of,
    read_agreement,
    read_methods,
)
from docs.agreement import agreement_rows
from docs.certified import certified_values

ROOT = Path(__file__).resolve().parents[2]
LISTED = read_methods()


@pytest.mark.parametrize("path", sorted({path for method in LISTED for path in method.functions}))
def test_every_function_of_the_list_is_there(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_certified_keys_and_methods_are_each_others() -> None:
    assert {key for method in LISTED for key in method.certified} == set(METHODS)


def test_pages_of_the_list_are_pages_of_the_app() -> None:
    pages = {file.parent.name for file in (ROOT / "pages").glob("*/page.py")}
    assert {page for method in LISTED for page in method.pages} <= pages


@pytest.mark.parametrize(
    "word",
    [
        "Wilson",
        "Newcombe",
        "Fieller",
        "bootstrap resamples of tasks and answers",
        "mean over a level's tasks",
        "difficulty axis",
        "McNemar",
        "Holm",
        "Paule-Mandel",
        "AICc",
        "PCHIP",
        "change point",
        "Min-K%",
        "Kendall",
        "Brier",
        "pass@k",
        "CAPA",
        "Borda",
    ],
)
def test_estimators_that_captions_name_have_a_row(word: str) -> None:
    assert [
        method.key
        for method in LISTED
        if any(word.casefold() in known.casefold() for known in method.words)
    ]


def test_formulas_are_balanced() -> None:
    for method in LISTED:
        assert method.formula.count("{") == method.formula.count("}"), method.key
        assert method.formula.count(r"\begin") == method.formula.count(r"\end"), method.key


def test_every_shipped_certified_value_agrees() -> None:
    found = verify_file(CERTIFIED_FILE)
    wrong = {
        key: [entry["message"] for entry in entries if not entry.get("passed")]
        for key, entries in found["methods"].items()
    }
    assert not {key: messages for key, messages in wrong.items() if messages}
    assert found["summary"]["n_vectors"] >= 30


def test_the_shipped_values_are_what_their_makers_give_today() -> None:
    """Made anew, every number is the same; so nobody edited the file by hand."""
    anew = json.loads(json.dumps(certified_values()))
    shipped = json.loads(CERTIFIED_FILE.read_text(encoding="utf-8"))
    assert anew.keys() == shipped.keys()

    def close(one: object, other: object) -> bool:
        if isinstance(one, dict) and isinstance(other, dict):
            return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(map(close, one, other))
        if isinstance(one, float) and isinstance(other, int | float):
            return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
        return one == other

    assert [key for key in anew if not close(anew[key], shipped[key])] == []


def test_the_makers_share_no_code_with_the_product() -> None:
    for file in [ROOT / "docs/certified.py", *(ROOT / "docs/certified_values").glob("*.py")]:
        imports = {
            node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not {
            module
            for module in imports
            if module.split(".")[0] in {"analysis", "data", "probe", "ui"}
        }, file.name


def test_the_agreement_on_record_is_todays() -> None:
    recorded = read_agreement()
    mine = recorded[recorded["values"] == SHIPPED].set_index("key")
    for row in agreement_rows(SHIPPED, CERTIFIED_FILE):
        kept = mine.loc[row["key"]]
        assert (kept["n_vectors"], kept["n_passed"]) == (row["n_vectors"], row["n_passed"]), row[
            "key"
        ]
        assert kept["digits"] == pytest.approx(
            row["digits"], abs=1.5
        )  # the last digits are the processor's
    assert set(recorded["values"]) <= {SHIPPED, REFERENCE}


def test_agreement_of_a_method_takes_the_fewest_digits_of_its_keys() -> None:
    recorded = read_agreement()
    method = next(
        method
        for method in LISTED
        if len(method.certified) == 2 and set(method.certified) <= set(recorded["key"])
    )
    rows = recorded[(recorded["values"] == SHIPPED) & recorded["key"].isin(method.certified)]
    n, passed, digits = agreement_of(method, recorded)[SHIPPED]
    assert (n, passed, digits) == (
        rows["n_vectors"].sum(),
        rows["n_passed"].sum(),
        rows["digits"].min(),
    )


ROW = METHODS_FILE.read_text(encoding="utf-8").split("\n[[method]]\n")[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml [", "cannot be read"),
        ("x = 1", "lists no methods"),
        (f"[[method]]\n{ROW}\n[[method]]\n{ROW}", "stands twice"),
        ("[[method]]\nkey = 'a'", "missing or unknown"),
        ("[[method]]\n" + ROW.replace('topic = "Accuracy"', 'topic = ""'), "field topic"),
        ("[[method]]\n" + ROW.replace('topic = "Accuracy"', "topic = 3"), "field topic"),
    ],
)
def test_a_slip_in_the_list_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "methods.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError, match=said):
        read_methods(file)
