"""docs/formats.md names every place that a declared field is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.importers.every_eval_ever import samples as every_eval_ever_samples
from data.importers.every_eval_ever import source as every_eval_ever
from data.importers.helm import samples as helm_samples
from data.importers.helm import source as helm
from data.importers.inspect_ai import log as inspect_log
from data.importers.inspect_ai import samples as inspect_samples
from data.importers.inspect_ai import scores as inspect_scores
from data.importers.kit.field_map import Mapped
from data.importers.lighteval import details as lighteval_details
from data.importers.lighteval import source as lighteval
from data.importers.opencompass import rows as opencompass_rows

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
    "lighteval": (
        lighteval.RUN,
        lighteval.TASK,
        lighteval_details.DETAIL,
        lighteval_details.OLD_DETAIL,
    ),
    "Every Eval Ever": (every_eval_ever.RUN, every_eval_ever.SCORE, every_eval_ever_samples.SAMPLE),
    "HELM": (helm.RUN, helm_samples.SAMPLE, helm_samples.STAT),
    "OpenCompass": (opencompass_rows.ROW,),
}


@pytest.mark.parametrize("heading", TABLES)
def test_every_source_path_is_in_the_documentation(heading: str) -> None:
    section = DOCS.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0].replace("[0]", ".0")
    rows: list[Mapped] = [row for table in TABLES[heading] for row in table]
    missing = [
        path
        for row in rows
        for path in row.paths
        if path not in section and path.rpartition(".")[0] not in section
    ]
    assert missing == []
