"""`analyse what-if` says what the what-if page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import cli


def said(demo_store: Path, *words: str) -> str:
    done = CliRunner().invoke(cli, ["analyse", "what-if", "--store", str(demo_store), *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_json_has_the_choice_the_ranks_and_the_conclusion(demo_store: Path) -> None:
    """OOD, 39 answers a task: demo-large's level means are 36, 33, 25, 9 and 5 right, demo-small's
    31, 13, 11, 5 and 3.
    """
    words = [
        "--model",
        "demo-small",
        "--model",
        "demo-large",
        "--rank-by",
        "ood",
        "--conclusion",
        "demo-large above demo-small ood",
    ]
    record = json.loads(said(demo_store, *words, "--json"))
    values = {row["model"]: row["value"] for row in record["what_if"]["models"]}
    assert values == pytest.approx(
        {"demo-large": 108 / 5 / 39, "demo-small": 63 / 5 / 39}, abs=0.002
    )
    (test,) = record["multiverse"]
    shares = {
        row["option"]: row["share"] for row in test["by_choice"] if row["dimension"] == "metric"
    }
    assert test["paper_holds"] and shares["exact match"] == 1  # over every average and denominator
    assert "keep their rank by OOD value" in record["what_if"]["sentence"]


def test_the_authors_grader_is_asked_and_says_when_nothing_can_be_graded(demo_store: Path) -> None:
    """The demo's samples have made-up ids, so no instance can be proved."""
    text = said(demo_store, "--model", "demo-small", "--metric", "authors_grader")
    assert "No model here can be ranked" in text and "can be rebuilt" in text


def test_words_that_name_nothing_are_refused(demo_store: Path) -> None:
    for words in (
        ["--metric", "moon"],
        ["--averaging", "moon"],
        ["--rank-by", "moon"],
        ["--conclusion", "moon above sun ood"],
    ):
        done = CliRunner().invoke(cli, ["analyse", "what-if", "--store", str(demo_store), *words])
        assert done.exit_code == (1 if "--conclusion" in words else 2) and "moon" in done.output
