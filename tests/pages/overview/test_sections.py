"""What the overview sums up: models, benchmarks, levels, answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from analysis.text import at
from pages.overview.sections import content_table, coverage_table, headline, most_answered


def test_headline_counts_models_once_however_many_runs_they_have() -> None:
    added_at = [pd.Timestamp(datetime.now(UTC)).tz_localize(None)] * 3
    runs = pd.DataFrame({"model": ["a", "a", "b"], "status": "success", "added_at": added_at})
    assert headline(runs, 1) == "2 models, 1 with ID and OOD results; newest run added just now."
    assert headline(runs, 1, when=at).endswith(
        f"newest run added at {runs['added_at'].max():%Y-%m-%d %H:%M} UTC."
    )
    runs.loc[1, "status"] = "running"
    assert (
        headline(runs, 1)
        == "2 models, 1 with ID and OOD results; newest run added just now; 1 run still running."
    )


def test_contents_are_summed_by_benchmark_and_format() -> None:
    runs = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "run_id": ["1", "2", "3"],
            "benchmark": ["x", "x", None],
            "format": ["f", "f", "f"],
            "n_samples": [1, 2, 3],
            "n_scores": [0, 5, 0],
            "added_at": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"]),
        }
    )
    table = content_table(runs)
    assert table[["benchmark", "models", "runs", "answers", "scores"]].to_numpy().tolist() == [
        ["not named", 1, 1, 3, 0],
        ["x", 1, 2, 3, 5],
    ]


def test_coverage_of_nothing_is_a_row_of_zeros_per_level() -> None:
    counts = pd.DataFrame(
        columns=["model", "task", "level", "split", "n_correct", "n_wrong", "n_unparsed"]
    )
    published = pd.DataFrame(columns=["model", "metric", "level", "split"])
    table = coverage_table(
        counts, published, pd.DataFrame({"level": [1, 2], "label": ["low", "high"]})
    )
    assert table["level"].tolist() == [1, 2]
    assert table.drop(columns=["level", "label"]).to_numpy().sum() == 0


def test_charts_draw_the_models_with_most_answers_and_say_who_is_left_out() -> None:
    counts = pd.DataFrame(
        {"model": list("abc"), "n_correct": [1, 5, 3], "n_wrong": 0, "n_unparsed": 0, "n_error": 0}
    )
    shown, said = most_answered(counts, at_most=2)
    assert shown["model"].tolist() == ["b", "c"]
    assert said is not None
    assert "2 of 3 models" in said
    assert most_answered(counts)[1] is None
