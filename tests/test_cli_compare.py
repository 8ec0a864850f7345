"""`analyse compare` says what the compare page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import cli


def test_json_has_the_numbers_of_the_page(demo_store: Path) -> None:
    """Right answers OOD by level, less one a task: 37, 34, 26, 10, 6 against 32, 14, 12, 6, 4: 135
    more of 585.
    """
    words = [
        "analyse",
        "compare",
        "--store",
        str(demo_store),
        "--model",
        "demo-small",
        "--model",
        "demo-large",
        "--json",
    ]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    rows = [
        row
        for row in record["comparisons"]
        if row["grouping"] == "overall" and row["split"] == "ood"
    ]
    assert (record["baseline"], record["family_size"], rows[0]["n"]) == ("demo-small", 12, 585)
    assert rows[0]["difference"] == pytest.approx(
        (rows[0]["n_model_only"] - rows[0]["n_baseline_only"]) / 585
    )
    assert rows[0]["difference"] == pytest.approx(135 / 585)
    assert {row["kind"] for row in record["agreement"]} == {"error consistency"}


def test_too_few_models_are_refused_in_words(demo_store: Path) -> None:
    done = CliRunner().invoke(
        cli, ["analyse", "compare", "--store", str(demo_store), "--model", "demo-small"]
    )
    assert done.exit_code == 1
    assert "takes 2 to 6 models" in done.output
