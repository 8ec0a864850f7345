"""Figures typed from papers: all of them, as typed; a wrong row is named and does not take the
others along.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from data.importers.kit.base import Source
from data.importers.published.source import IMPORTER
from data.records import ImportFormatError, Split

FOLDER = Path(__file__).parents[3] / "data" / "published"


def test_table_2_gives_a_score_per_level_and_the_critical_level(read_files) -> None:
    read = read_files(IMPORTER, FOLDER / "scylla_table2.csv")
    assert len(read.runs) == 28
    assert len(read.scores) == 28 * 6
    run = read.run_of("Qwen1.5-72B")
    mine = [score for score in read.scores if score.run_id == run.run_id]
    assert [score.value for score in mine] == [0.911, 0.825, 0.115, -0.027, 0.01, 4.0]
    assert [score.level for score in mine] == [1, 2, 3, 4, 5, None]
    assert {score.metric for score in mine[:5]} == {"generalization_score"}
    assert (mine[5].metric, mine[5].scale, mine[5].value01) == ("critical_level", "raw", None)
    assert mine[0].metadata == {
        "n_tasks": 3,
        "n_per_task": 256,
        "source": "arXiv 2410.01769v2, Table 2",
    }
    assert run.level_scheme == "scylla"
    assert run.n_params == 72_000_000_000
    assert "bounds" in run.warnings[0]


def test_figure_5_gives_accuracy_by_level_and_split_with_its_spread(read_files) -> None:
    read = read_files(IMPORTER, FOLDER / "scylla_fig5_qwen15.csv")
    assert len(read.runs) == 7
    assert len(read.scores) == 7 * 5 * 2
    run = read.run_of("Qwen1.5-1.8B")
    (ood,) = [
        score
        for score in read.scores
        if score.run_id == run.run_id and score.level == 2 and score.split is Split.OOD
    ]
    assert (ood.metric, ood.value, ood.value01, ood.n, ood.n_kind, ood.task) == (
        "accuracy",
        0.34,
        0.34,
        1024,
        "inferred",
        None,
    )
    assert ood.metadata == {
        "sd": 0.19,
        "n_tasks": 4,
        "n_per_task": 256,
        "source": "arXiv 2410.01769v2, Figure 5",
    }


def test_the_typed_files_are_those_of_the_reference_material(shared: Path) -> None:
    for name in ("scylla_table2.csv", "scylla_fig5_qwen15.csv"):
        assert (FOLDER / name).read_bytes() == (shared / "published" / name).read_bytes()


def test_the_contradiction_in_the_text_is_told_with_the_model(read_files) -> None:
    run = read_files(IMPORTER, FOLDER / "scylla_table2.csv").run_of("Qwen2.5-7B")
    assert any("0.136" in warning for warning in run.warnings)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("0.547", "high", "s_N"),
        ("0.547", "nan", "s_N"),
        ("0.547", "54.7", "s_N"),
        ("O(N),1\nQwen1.5-4B", "O(N),2\nQwen1.5-4B", "critical_complexity"),
        ("O(N),1\nQwen1.5-4B", "O(N),6\nQwen1.5-4B", "critical_level"),
        ("Qwen1.5,1.8,", "Qwen1.5,small,", "params_b"),
        ("Qwen1.5-1.8B,Qwen1.5,1.8", " ,Qwen1.5,1.8", "model"),
    ],
)
def test_a_wrong_field_leaves_its_row_out_and_is_named(
    read_files, tmp_path: Path, old: str, new: str, field: str
) -> None:
    text = (FOLDER / "scylla_table2.csv").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "table2.csv").write_text(text.replace(old, new, 1), encoding="utf-8")
    read = read_files(IMPORTER, tmp_path / "table2.csv")
    assert [(reject.record, reject.field) for reject in read.rejects] == [("row 2", field)]
    assert len(read.runs) == 27


def test_other_tables_are_left_to_others(read_files, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("model,task,value\na,b,0.5\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_bytes(b"")
    assert read_files(IMPORTER, tmp_path).sources == []
    with pytest.raises(ImportFormatError, match="Columns of Table 2: model"):
        list(
            IMPORTER.read(
                Source("published", tmp_path / "other.csv", (tmp_path / "other.csv",)), print
            )
        )
