"""Plain tables: three shapes, the same numbers whatever the layout, scales decided and never
divided away, slips named with their line.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.bootstrap import open_store
from data.catalog import read_catalog
from data.exporting import export_table
from data.importers.kit.base import Source
from data.importers.table.source import IMPORTER
from data.importing import discover, import_sources
from data.records import ImportFormatError, Outcome, Split
from data.writer import writing

VARIANTS = (
    "long.parquet",
    "long_semicolon_decimal_comma.csv",
    "wide.csv",
    "wide_percent_bom.csv",
    "wide_index_dup_missing.csv",
)


def _cells(read: Any) -> dict[tuple[str, str, str], float | None]:
    models = {run.run_id: run.model_raw for run in read.runs}
    return {(models[s.run_id], s.task, str(s.split)): s.value01 for s in read.scores}


def _table(folder: Path, text: str, name: str = "table.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


# -- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_every_layout_gives_the_same_twenty_values(read_files, shared: Path, name: str) -> None:
    folder = shared / "fixtures" / "csv" / "selfmade"
    expected, found = (_cells(read_files(IMPORTER, folder / file)) for file in ("long.csv", name))
    assert len(expected) == 20
    assert found.keys() == expected.keys()
    missing = [cell for cell, value in found.items() if value is None]
    assert missing == ([("synthetic-1b-instruct", "TSP", "id")] if "missing" in name else [])
    tolerance = 1e-3 if "percent" in name else 0
    assert all(
        abs(found[cell] - expected[cell]) <= tolerance for cell in found if cell not in missing
    )


def test_a_long_table_keeps_everything_it_states(read_files, shared: Path) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "csv" / "selfmade" / "long.csv")
    run = read.run_of("synthetic-1b-instruct")
    assert (run.n_params, run.n_shot, run.seeds, run.level_scheme) == (
        1_000_000_000,
        0,
        {"seed": "42"},
        "scylla",
    )
    assert (str(run.started_at), run.date_source) == ("2026-11-21 00:00:00", "column date")
    (score,) = [
        s
        for s in read.scores
        if s.run_id == run.run_id and s.task == "FourSum" and s.split is Split.OOD
    ]
    assert (score.metric, score.level, score.n, score.n_kind) == ("accuracy", 4, 61, "reported")
    assert (score.stderr, score.stderr_kind, score.scale) == (
        0.04080854845958752,
        "reported",
        "0-1",
    )


def test_a_repeated_row_is_rejected_and_named(read_files, shared: Path) -> None:
    read = read_files(
        IMPORTER, shared / "fixtures" / "csv" / "selfmade" / "wide_index_dup_missing.csv"
    )
    (reject,) = read.rejects
    assert (reject.record, reject.expected) == ("line 6", "each row once (as in line 2)")
    (missing,) = [score for score in read.scores if score.value is None]
    assert (missing.task, missing.value01) == ("TSP", None)


@pytest.mark.parametrize("name", ["samples.csv", "samples.parquet"])
def test_a_wrong_answer_that_was_not_read_is_unparsed(read_files, shared: Path, name: str) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "csv" / "selfmade" / name)
    run_id = read.run_of("synthetic-8b-instruct").run_id
    counts = Counter((s["split"], s["outcome"]) for s in read.samples if s["run_id"] == run_id)
    assert [counts["id", outcome] for outcome in Outcome] == [54, 7, 3, 0]
    assert [counts["ood", outcome] for outcome in Outcome] == [38, 19, 7, 0]
    assert len(read.samples) == 256
    assert read.samples[0]["response"].startswith(" First I go")  # text exactly as it stands


def test_scores_of_zero_and_one_are_verdicts_and_other_scores_are_not(
    read_files, tmp_path: Path
) -> None:
    header = "model,task,sample_id,score\n"
    read = read_files(IMPORTER, _table(tmp_path, header + "m,t,1,1\nm,t,2,0\n"))
    assert [s["outcome"] for s in read.samples] == ["correct", "wrong"]
    read = read_files(IMPORTER, _table(tmp_path, header + "m,t,1,1\nm,t,2,0.4\n"))
    assert [(s["outcome"], s["score"]) for s in read.samples] == [
        (None, 1.0),
        (None, pytest.approx(0.4)),
    ]


def test_outcomes_and_errors_are_taken_as_stated(read_files, tmp_path: Path) -> None:
    text = (
        "model,task,sample_id,outcome,error\n"
        "m,t,1,correct,\nm,t,2,unparsed,\nm,t,3,,timeout\nm,t,4,maybe,\n"
    )
    read = read_files(IMPORTER, _table(tmp_path, text))
    assert [(s["outcome"], s["reason"]) for s in read.samples] == [
        ("correct", None),
        ("unparsed", None),
        ("error", "timeout"),
    ]
    assert [(r.record, r.field, r.found) for r in read.rejects] == [
        ("line 5", "outcome", "'maybe'")
    ]


def test_flattened_lm_eval_columns_are_taken_apart(read_files, tmp_path: Path) -> None:
    text = (
        'Model,"gsm8k_5_exact_match,strict-match","bbh_x_3_exact_match,flexible-extract,norm",'
        "arithmetic_2dm_2_acc\na/b,0.5,-0.25,0.0\n"
    )
    scores = read_files(IMPORTER, _table(tmp_path, text)).scores
    assert [
        (s.task, s.n_shot, s.metric, s.variant, s.value, s.scale, s.value01) for s in scores
    ] == [
        ("gsm8k", 5, "exact_match", "strict-match", 0.5, "0-1", 0.5),
        ("bbh_x", 3, "exact_match", "flexible-extract,norm", -0.25, "raw", None),
        ("arithmetic_2dm", 2, "acc", None, 0.0, "0-1", 0.0),
    ]


def test_n_is_inferred_from_a_standard_error_where_it_is_not_stated(
    read_files, tmp_path: Path
) -> None:
    text = (
        "model,checkpoint,task,fewshot,acc,acc_stderr\n"
        "m,13000,a,16,0.76,0.06101187572589323\nm,13000,b,16,0,0\n"
    )
    read = read_files(IMPORTER, _table(tmp_path, text))
    assert [(s.metric, s.n, s.n_kind) for s in read.scores] == [
        ("acc", 50, "inferred"),
        ("acc", None, None),
    ]
    assert (read.runs[0].step, read.runs[0].checkpoint, read.runs[0].n_shot) == (13000, None, 16)


# -- scales and traps ------------------------------------------------------------------------------


def test_a_value_is_kept_in_its_scale_and_the_doubt_is_told(read_files, tmp_path: Path) -> None:
    read = read_files(
        IMPORTER,
        _table(
            tmp_path, "model,MMLU,MT-Bench,Elo,Average\na,71.5,0.83,1200,40\nb,3.0,0.5,1100,50\n"
        ),
    )
    mine = {s.task: s for s in read.scores if s.run_id == read.run_of("b").run_id}
    assert (mine["MMLU"].value, mine["MMLU"].scale, mine["MMLU"].value01) == (3.0, "0-100", 0.03)
    assert (mine["MT-Bench"].scale, mine["Elo"].scale, mine["Elo"].value01) == ("0-1", "raw", None)
    assert mine["Average"].is_group
    assert [w for w in read.runs[0].warnings if "MMLU" in w] == [
        "'MMLU' runs from 3 to 71.5: taken as percent (0-100). Is it another scale, say 0-10?"
    ]


def test_a_scale_is_decided_over_all_rows(read_files, tmp_path: Path) -> None:
    rows = "".join(f"m{index},0.5\n" for index in range(600)) + "last,62\n"
    read = read_files(IMPORTER, _table(tmp_path, "model,MMLU\n" + rows))
    assert {s.scale for s in read.scores} == {"0-100"}


def test_leaderboard_traps_are_kept_out(read_files, tmp_path: Path) -> None:
    text = (
        "Model,#Params (B),MoE,Merged,Hub Likes, Tokens"
        " (T),BBH\na/x,0,False,False,7,1.5,31.2\na/y,7,True,False,9,,29.9\n"
    )
    read = read_files(IMPORTER, _table(tmp_path, text))
    first, second = read.runs
    assert (first.n_params, second.n_params) == (None, 7_000_000_000)  # 0 means that nobody knows
    assert (first.train_tokens, second.train_tokens) == (1.5e12, None)
    assert first.metadata["untrusted"] == {"MoE": "False", "Merged": "False"}
    assert {s.task for s in read.scores} == {"BBH"}


def test_an_impossible_number_of_tokens_is_left_out_and_told(read_files, shared: Path) -> None:
    read = read_files(
        IMPORTER, shared / "fixtures" / "csv" / "obsscaling" / "base_llm_benchmark_eval.csv"
    )
    run = read.run_of("cerebras/btlm-3b-8k-base")
    assert run.train_tokens is None
    assert "more than any model has seen" in run.warnings[-1]


@pytest.mark.parametrize(
    ("name", "n_runs", "n_scores"),
    [
        ("base_llm_benchmark_eval.csv", 148, 1144),
        ("base_llm_benchmark_eval_sub_10b.csv", 92, 730),
        ("base_llm_emergent_capability_eval.csv", 84, 613),
        ("base_llm_leaderboard_v2_eval.csv", 72, 432),
        ("instruct_llm_agent_eval.csv", 27, 418),
        ("instruct_llm_benchmark_eval.csv", 27, 219),
    ],
)
def test_obsscaling_tables_come_in_whole(
    read_files, shared: Path, name: str, n_runs: int, n_scores: int
) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "csv" / "obsscaling" / name)
    assert (len(read.runs), len(read.scores), read.rejects) == (n_runs, n_scores, [])


def test_the_large_pythia_table_comes_in_whole(read_files, shared: Path) -> None:
    file = shared / "data" / "pythia_evals_long.parquet"
    read = read_files(IMPORTER, file)
    frame = pd.read_parquet(file)
    assert (len(read.scores), len(read.runs), read.rejects) == (263_579, 1940, [])
    assert Counter(s.flag or "" for s in read.scores) == Counter(frame["flag"])
    assert sum(s.n is not None for s in read.scores) == frame["n_inferred"].notna().sum()
    assert {s.n_kind for s in read.scores} == {None, "inferred"}
    assert math.fsum(s.value or 0 for s in read.scores) == pytest.approx(
        frame["value"].sum(), rel=1e-12
    )
    assert {
        s.scale for s in read.scores if s.metric in ("acc", "acc_norm", "em", "pct_stereotype")
    } == {"0-1"}
    assert {
        s.scale
        for s in read.scores
        if s.metric in ("ppl", "bits_per_byte", "likelihood_difference")
    } == {"raw"}
    catalog = read_catalog()
    known = {*catalog.models["model"], *catalog.model_aliases["alias"]}
    assert {run.model_raw for run in read.runs} <= known
    assert {run.n_shot for run in read.runs} >= {0, 5, None}


def test_the_obsscaling_table_keeps_its_own_scales_and_flags(read_files, shared: Path) -> None:
    read = read_files(IMPORTER, shared / "data" / "obsscaling_long.parquet")
    assert len(read.scores) == 21_254
    assert {s.metadata.get("scale") for s in read.scores if s.scale == "raw"} == {
        None,
        "chance-normalised",
    }
    assert sum(s.flag is not None for s in read.scores) == 738


# -- mapping ---------------------------------------------------------------------------------------


def test_a_person_can_say_what_the_columns_are(read_files, tmp_path: Path) -> None:
    file = _table(tmp_path, "Modell;Aufgabe;Punkte\nx;add;7,5\nx;sort;3\n")
    with pytest.raises(ImportFormatError, match="Columns found: Modell, Aufgabe, Punkte"):
        read_files(IMPORTER, file)
    mapping = {
        "shape": "long",
        "roles": {"Modell": "model", "Aufgabe": "task", "Punkte": "value"},
        "constants": {"metric": "points", "split": "ood"},
        "decimal_comma": True,
        "scales": {"points": "raw"},
    }
    for given in (mapping, json.dumps(mapping)):
        read = read_files(IMPORTER, file, options={"mapping": given})
        assert [(s.task, s.value, s.scale, s.metric, s.split) for s in read.scores] == [
            ("add", 7.5, "raw", "points", Split.OOD),
            ("sort", 3.0, "raw", "points", Split.OOD),
        ]
        assert read.runs[0].warnings == ()


def test_one_scale_can_be_corrected_and_the_rest_stays_guessed(read_files, tmp_path: Path) -> None:
    file = _table(tmp_path, "model,MMLU,Score4\na,71.5,3.9\n")
    read = read_files(IMPORTER, file, options={"mapping": {"scales": {"Score4": "raw"}}})
    assert {s.task: (s.scale, s.value01) for s in read.scores} == {
        "MMLU": ("0-100", 0.715),
        "Score4": ("raw", None),
    }
    assert all("Score4" not in warning for warning in read.runs[0].warnings)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"roles": {"MMLU": "benchmark"}}, "names role benchmark. Allowed: answer_logprob"),
        ({"roles": {"GPQA": "task"}}, "names column GPQA. Allowed: MMLU, model"),
        ({"shape": "tall"}, "names shape tall"),
        ({"scales": {"MMLU": "percent"}}, "names scale percent"),
        ({"colour": 1}, "has no field colour"),
        ({"roles": {"model": "metadata"}}, "no column for model"),
        ("{", "is not JSON"),
        ([1], "is list"),
    ],
)
def test_a_mapping_that_does_not_fit_says_what_would(
    read_files, tmp_path: Path, mapping: Any, said: str
) -> None:
    file = _table(tmp_path, "model,MMLU\na,71.5\n")
    with pytest.raises(ImportFormatError, match=said):
        read_files(IMPORTER, file, options={"mapping": mapping})


def test_tables_that_our_own_export_writes_come_back(
    read_files, demo_store: Path, tmp_path: Path
) -> None:
    store = open_store(demo_store)
    for table, suffix in (("samples", "csv"), ("samples", "parquet"), ("scores", "csv")):
        with (tmp_path / f"{table}.{suffix}").open("wb") as sink:
            n_rows = export_table(store, table, suffix, sink)
        read = read_files(IMPORTER, tmp_path / f"{table}.{suffix}")
        assert (len(read.samples if table == "samples" else read.scores), read.rejects) == (
            n_rows,
            [],
        )
    assert {s.level for s in read.scores} == {1, 2, 3, 4, 5, None}
    assert {run.level_scheme for run in read.runs} == {"scylla"}


# -- broken tables ---------------------------------------------------------------------------------


def test_a_wrong_field_leaves_its_row_out_and_is_named(read_files, tmp_path: Path) -> None:
    text = (
        "model,task,split,level,value,n\nm,a,id,1,0.5,10\nm,b,id,2,high,10\nm,c,test,1,0.5,10\n,d,id,1,0.5,10\n"
        "m,,id,,0.5,10\nm,e,id,1.5,0.5,10\nm,f,id,1,inf,10\nm,g,id,1\nm,h,ood,2,,10\n"
    )
    read = read_files(
        IMPORTER, _table(tmp_path, text), options={"mapping": {"roles": {"split": "split"}}}
    )
    assert [(s.task, s.value) for s in read.scores] == [("a", 0.5), ("h", None)]
    rejected = {r.record: r.field for r in read.rejects}
    fields = ("value", "split", "model", "task", "level", "value", "row")
    assert rejected == {f"line {number}": field for number, field in enumerate(fields, start=3)}


def test_words_for_missing_and_numbers_with_signs_are_understood(
    read_files, tmp_path: Path
) -> None:
    text = 'model,task,value,n\nm,a,N/A,"1,234"\nm,b,NaN,-\nm,c, 0.5 ,10\n'
    scores = read_files(IMPORTER, _table(tmp_path, text)).scores
    assert [(s.task, s.value, s.n) for s in scores] == [
        ("a", None, 1234),
        ("b", None, None),
        ("c", 0.5, 10),
    ]


def test_bytes_that_are_no_utf8_reject_their_row_only(read_files, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(
        "model,task,value\nm,a,0.5\nZürich,b,0.5\nm,c,0.25\n".encode("latin-1")
    )
    read = read_files(IMPORTER, tmp_path / "t.csv")
    assert [s.task for s in read.scores] == ["a", "c"]
    assert [(r.record, r.field, r.found) for r in read.rejects] == [
        ("line 3", "model", "bytes that are not UTF-8")
    ]


def test_a_table_of_nothing_but_bad_rows_gives_nothing(read_files, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("model,task,value,größe\nZürich,b,0.5,1\n".encode("latin-1"))
    read = read_files(IMPORTER, tmp_path / "t.csv")
    assert (read.runs, read.scores, len(read.rejects)) == ([], [], 1)


def test_a_spreadsheets_utf16_text_is_read(read_files, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("model\ttask\tvalue\nZürich\ta\t0,5\n", encoding="utf-16")
    read = read_files(IMPORTER, tmp_path / "t.tsv")
    assert [(run.model_raw, s.value) for run, s in zip(read.runs, read.scores, strict=True)] == [
        ("Zürich", 0.5)
    ]


def test_a_line_of_ten_megabytes_is_one_row(read_files, tmp_path: Path) -> None:
    text = (
        f'model,task,sample_id,correct,response\nm,t,1,true,"{"x" * 10_000_000}"\nm,t,2,false,y\n'
    )
    read = read_files(IMPORTER, _table(tmp_path, text))
    assert [len(s["response"]) for s in read.samples] == [10_000_000, 1]


def test_a_cut_off_table_gives_the_rows_before_the_break(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, _table(tmp_path, 'model,task,value\nm,a,0.5\nm,b,0.25\nm,"c'))
    assert [s.task for s in read.scores] == ["a", "b"]
    assert [(r.record, r.found) for r in read.rejects] == [("line 4", "2 fields")]


def test_a_damaged_parquet_file_is_refused_with_its_name(
    read_files, shared: Path, tmp_path: Path
) -> None:
    content = (shared / "fixtures" / "csv" / "selfmade" / "long.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:3000])
    with pytest.raises(ImportFormatError, match=r"cut\.parquet cannot be read as a table"):
        read_files(IMPORTER, tmp_path / "cut.parquet")


def test_a_header_without_rows_gives_nothing(read_files, tmp_path: Path) -> None:
    read = read_files(IMPORTER, _table(tmp_path, "model,task,value\n"))
    assert (read.runs, read.scores, read.rejects) == ([], [], [])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"model": 1}'),
        ("b.csv", '[{"model": "x"}]'),
        ("c.csv", ""),
        ("d.txt", "Dear model, this is a letter, no table.\n"),
        ("e.csv", "one\n1\n"),
    ],
)
def test_what_is_no_table_is_left_to_others(
    read_files, tmp_path: Path, name: str, content: str
) -> None:
    assert read_files(IMPORTER, _table(tmp_path, content, name)).sources == []


def test_a_table_without_a_model_says_what_it_found_and_what_it_needs(tmp_path: Path) -> None:
    file = _table(tmp_path, "city,population\nBern,134000\n")
    with pytest.raises(
        ImportFormatError,
        match=r"no column for model\. Columns found: city, population\. Needed are model",
    ):
        list(IMPORTER.read(Source("table", file, (file,)), print))


def test_many_rows_come_in_chunks_and_runs_go_on_across_them(read_files, tmp_path: Path) -> None:
    rows = "".join(f"m{index % 3},t,{index},{index % 2}\n" for index in range(45_000))
    file = _table(tmp_path, "model,task,sample_id,correct\n" + rows)
    read = read_files(IMPORTER, file)
    assert (len(read.runs), len(read.samples)) == (3, 45_000)
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([file]).sources)
    assert (result.runs, result.samples) == (3, 45_000)
    with writing(store) as writer:
        assert writer.n_runs == 0
    assert Outcome.CORRECT.value == read.samples[1]["outcome"]


def test_a_benchmark_and_its_raw_twin_are_two_metrics_of_one_task(
    read_files, tmp_path: Path
) -> None:
    """Leaderboard exports: `BBH` is normalised so that chance is 0, `BBH Raw` is the accuracy; one
    model stands there in two precisions.
    """
    text = (
        "Model,Precision,Model sha,Average,BBH,BBH Raw,Flagged\n"
        "a/x,bfloat16,f1,20.5,31.5,0.5,True\na/x,float16,f1,21.5,-2.25,0.25,True\na/y,float16,f2,9.5,12.5,0.75,True\n"
    )
    read = read_files(IMPORTER, _table(tmp_path, text))
    assert [(run.model_raw, run.dtype, run.checkpoint) for run in read.runs] == [
        ("a/x", "bfloat16", "f1"),
        ("a/x", "float16", "f1"),
        ("a/y", "float16", "f2"),
    ]
    first = [
        (s.task, s.metric, s.value, s.scale, s.value01, s.is_group)
        for s in read.scores
        if s.run_id == read.runs[0].run_id
    ]
    assert first == [
        ("Average", "score", 20.5, "0-100", 0.205, True),
        ("BBH", "normalised", 31.5, "raw", None, False),
        ("BBH", "score", 0.5, "0-1", 0.5, False),
    ]
    assert any("normalised so that chance is 0" in warning for warning in read.runs[0].warnings)
    assert not any("'BBH' runs from" in warning for warning in read.runs[0].warnings)
