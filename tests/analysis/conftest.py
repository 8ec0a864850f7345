"""Level counts and published levels, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

settings.register_profile("no_deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no_deadline")

CountsOf = Callable[..., pd.DataFrame]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def counts_of() -> CountsOf:
    """Call it with {level: [(right ID, right OOD), ...]}, one pair per task, to get level counts of
    one model.
    """

    def build(
        levels: Mapping[int, Sequence[tuple[int, int]]],
        *,
        n: int = 100,
        model: str = "m",
        n_unparsed: int = 0,
        n_error: int = 0,
        labels: Mapping[int, str] | None = None,
    ) -> pd.DataFrame:
        rows = [
            {
                "model": model,
                "run_id": f"run-{model}",
                "task": f"task-{level}-{place}",
                "level": level,
                "level_label": (labels or {}).get(level),
                "role": "anchor",
                "split": split,
                "n_correct": right,
                "n_wrong": n - right - n_unparsed,
                "n_unparsed": n_unparsed,
                "n_error": n_error,
            }
            for level, tasks in levels.items()
            for place, pair in enumerate(tasks)
            for split, right in zip(("id", "ood"), pair, strict=True)
        ]
        return pd.DataFrame(rows).astype({"level": "Int16"})

    return build


@pytest.fixture(scope="session")
def published_levels() -> pd.DataFrame:
    """Figure 5 and Table 2 as `fetch_level_scores` gives them."""
    figure = pd.read_csv(ROOT / "data" / "published" / "scylla_fig5_qwen15.csv")
    labels = dict(zip(figure["level"], figure["complexity"], strict=True))
    rows: list[dict[str, object]] = [
        {
            "model": row["model"],
            "run_id": f"figure-{row['model']}",
            "metric": "accuracy",
            "level": row["level"],
            "split": split,
            "value": row[f"{split}_mean"],
            "sd": row[f"{split}_std"],
            "n": row["n_tasks"] * row["n_samples_per_task"],
            "n_tasks": row["n_tasks"],
            "n_per_task": row["n_samples_per_task"],
            "source": "Figure 5",
        }
        for row in figure.to_dict("records")
        for split in ("id", "ood")
    ]
    for row in pd.read_csv(ROOT / "data" / "published" / "scylla_table2.csv").to_dict("records"):
        common = {"model": row["model"], "run_id": f"table-{row['model']}", "source": "Table 2"}
        for level, column in enumerate(("s_N", "s_N_N2", "s_N2_N3", "s_N3_N4", "s_2N"), start=1):
            rows.append(
                common | {"metric": "generalization_score", "level": level, "value": row[column]}
            )
        rows.append(common | {"metric": "critical_level", "value": float(row["critical_level"])})
    frame = pd.DataFrame(rows).assign(task=None, stderr=np.nan)
    frame["level_label"] = frame["level"].map(labels)
    return frame.astype({"level": "Int16", "n": "Int64", "n_tasks": "Int64", "n_per_task": "Int64"})
