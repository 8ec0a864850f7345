"""docs/formats.md names every place that a declared field is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.importers import (
    every_eval_ever,
    every_eval_ever_samples,
    helm,
    helm_samples,
    inspect_log,
    inspect_samples,
    inspect_scores,
    lighteval,
    lighteval_details,
    opencompass_rows,
)
from data.importers.field_map import Mapped

DOCS = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
TABLES = {
    "Inspect AI": (
        inspect_log.RUN,
        inspect_scores.SCORE,
        inspect_scores.METRIC,
        inspect_samples.SAMPLE,
        inspect_samples.KEPT,
        inspect_samples.SCORE,
    ),
    "lighteval": (lighteval.RUN, lighteval.TASK, lighteval_details.DETAIL, lighteval_details.OLD_DETAIL),
    "Every Eval Ever": (every_eval_ever.RUN, every_eval_ever.SCORE, every_eval_ever_samples.SAMPLE),
    "HELM": (helm.RUN, helm_samples.SAMPLE, helm_samples.STAT),
    "OpenCompass": (opencompass_rows.ROW,),
}


@pytest.mark.parametrize("heading", TABLES)
def test_every_source_path_is_in_the_documentation(heading: str) -> None:
    section = DOCS.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0].replace("[0]", ".0")
    rows: list[Mapped] = [row for table in TABLES[heading] for row in table]
    missing = [path for row in rows for path in row.paths if path not in section and path.rpartition(".")[0] not in section]
    assert missing == []
