"""The shell as scripts use it: real processes on real stores, one JSON document on stdout, exit
status 0, 1 or 2.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data.importers.table.reading import read_head
from data.mappings import remember_mapping
from data.store import Store

ROOT = Path(__file__).resolve().parent.parent
TABLE = "model,task,acc\nmodel-a,task-1,0.5\nmodel-a,task-2,0.25\nmodel-b,task-1,0.75\n"


def run_cli(*words: str | Path, store: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the shell in a process of its own."""
    command = [
        sys.executable,
        str(ROOT / "cli.py"),
        *map(str, words),
        *(("--store", str(store)) if store else ()),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT.parent)


def read_json(done: subprocess.CompletedProcess[str], *, status: int = 0) -> Any:
    """The one document on stdout, refusing NaN; the exit status is asserted."""
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """A copy of the demo store that a test may write to."""
    return Path(shutil.copytree(demo_store, tmp_path / "store"))


def test_a_store_that_does_not_exist_is_made_with_the_shipped_sources(tmp_path: Path) -> None:
    done = run_cli("store", "info", "--json", store=tmp_path / "new")
    facts = read_json(done)
    assert facts["path"] == str(tmp_path / "new")
    assert (
        "Bringing in the shipped sources: 1 of 3" in done.stderr
    )  # it takes a while, and a log is read too
    ladder = [pq.read_metadata(file) for file in (ROOT / "data" / "ladder").glob("*.parquet")]
    trained = [run for facts in ladder for run in json.loads(facts.metadata[b"charybdis"])["runs"]]
    models = {run["model_raw"] for run in trained}
    assert (facts["models"], facts["runs"]) == (28 + len(models), 35 + len(trained))
    assert facts["samples"] == sum(file.num_rows for file in ladder) > 0
    assert facts["scores"] > 0 and facts["version"] > 0


def test_an_empty_store_has_nothing_in_it(tmp_path: Path) -> None:
    facts = read_json(run_cli("store", "info", "--empty", "--json", store=tmp_path / "new"))
    assert (facts["runs"], facts["scores"], facts["samples"]) == (0, 0, 0)


def test_import_tells_what_became_of_each_source(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "scores.csv").write_text(TABLE)
    (tmp_path / "results" / "notes.bin").write_bytes(b"\x00\x01\x02")
    told = read_json(run_cli("import", tmp_path / "results", "--json", store=tmp_path / "store"))
    (source,) = told["imports"]
    assert {
        "path",
        "format",
        "sha256",
        "status",
        "runs",
        "scores",
        "samples",
        "rejected",
    } <= source.keys()
    assert (source["status"], source["format"], source["runs"], source["scores"]) == (
        "imported",
        "table",
        2,
        3,
    )
    assert [item["path"] for item in told["unknown"]] == [str(tmp_path / "results" / "notes.bin")]


def test_importing_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(TABLE)
    read_json(run_cli("import", tmp_path / "scores.csv", "--json", store=tmp_path / "store"))
    before = read_json(run_cli("store", "info", "--json", store=tmp_path / "store"))
    again = read_json(
        run_cli("import", tmp_path / "scores.csv", "--json", store=tmp_path / "store")
    )
    assert again["imports"][0]["status"] == "unchanged"
    assert read_json(run_cli("store", "info", "--json", store=tmp_path / "store")) == before


def test_table_with_columns_that_came_before_is_read_as_confirmed_then_and_that_is_said(
    store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("model,mmlu,size\nm1,0.5,0.25\n")
    opened = Store(store)
    remember_mapping(opened, read_head(file), {"roles": {"size": "metadata"}})
    opened.close()
    told = run_cli("import", file, "--json", store=store)
    assert read_json(told)["imports"][0]["scores"] == 1
    assert "read as it was confirmed when these columns came before" in told.stderr
    (tmp_path / "none.json").write_text("{}")
    plain = run_cli("import", file, "--mapping", tmp_path / "none.json", "--json", store=store)
    assert "came before" not in plain.stderr


def test_one_failed_source_is_status_1_and_the_others_are_stored(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(TABLE)
    (tmp_path / "bad.csv").write_bytes(
        (ROOT / "data/published/scylla_table2.csv").read_bytes() + b"\xff\xfe"
    )
    done = run_cli(
        "import", tmp_path / "good.csv", tmp_path / "bad.csv", "--json", store=tmp_path / "store"
    )
    told = {
        Path(source["path"]).name: source["status"]
        for source in read_json(done, status=1)["imports"]
    }
    assert told == {"good.csv": "imported", "bad.csv": "failed"}
    assert "UTF-8" in done.stderr


def test_a_file_that_nobody_knows_is_listed_beside_those_that_come_in(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    good, broken = tmp_path / "results" / "scores.csv", tmp_path / "results" / "samples.bin"
    good.write_text(TABLE)
    broken.write_bytes(b"\x00\x01\x02")
    words = ("import", "--empty", "--json")
    told = read_json(run_cli(*words, good, broken, store=tmp_path / "store"))
    assert [source["status"] for source in told["imports"]] == ["imported"] and [
        item["path"] for item in told["unknown"]
    ] == [str(broken)]
    assert (
        len(read_json(run_cli(*words, tmp_path / "results", store=tmp_path / "other"))["unknown"])
        == 1
    )


def test_a_file_nobody_knows_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "thing.bin").write_bytes(b"\x00\x01")
    done = run_cli("import", tmp_path / "thing.bin", store=tmp_path / "store")
    assert done.returncode == 1
    assert "thing.bin" in done.stdout + done.stderr and "Nothing to import" in done.stderr


def test_a_path_that_is_not_there_is_an_error_in_words_and_in_json(tmp_path: Path) -> None:
    done = run_cli("import", tmp_path / "nowhere", "--json", store=tmp_path / "store")
    assert "nowhere" in read_json(done, status=1)["error"]
    assert "nowhere" in done.stderr and "Traceback" not in done.stderr


WRONG_USAGE = {
    "import": "Missing argument",
    "import --format odf x.csv": "There is no format 'odf'",
    "nothing": "No such command 'nothing'",
    "export nothing": "'nothing' is none of models, tasks",
    "export models --format docx": "'docx' is none of csv",
    "analyse valley --denominator x": "denominator 'x' is not possible. Possible: unpa",
    "analyse valley --no-such-option": "No such option",
    "analyse what-if --metric luck": "There is no metric 'luck'",
    "analyse emergence --over time": "over 'time' is not possible. Possible: parameters, ",
    "analyse scaling --model a": "`analyse scaling` is not there yet",
    "analyse health": "`analyse health` is not there yet",
    "tasks --task chess": "There is no task 'chess'. Tasks are: find_maximum",
    "tasks --n 0": "greater than or equal to 1",
    "grade --task chess": "There is no task 'chess'",
    "probe --model demo:oracle:0:0 --task chess": "There is no task 'chess'",
    "verify": "Missing argument",
    "store remove-run": "Missing argument",
}
"""What is typed, and what the answer says."""


@pytest.mark.parametrize("typed", WRONG_USAGE)
def test_wrong_usage_is_status_2_and_a_line_that_helps(typed: str) -> None:
    done = run_cli(*typed.split(), "--json")
    assert WRONG_USAGE[typed] in read_json(done, status=2)["error"]
    assert WRONG_USAGE[typed] in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [("import", ""), ("store", "info", "--store", "")], ids=["path", "store"]
)
def test_an_empty_name_is_not_the_folder_one_happens_to_be_in(words: tuple[str, ...]) -> None:
    assert "An empty" in read_json(run_cli(*words, "--json"), status=2)["error"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("analyse valley", ("--model", "demo-huge")),
        ("analyse valley", ("--scheme", "grades")),
        ("analyse what-if", ("--task", "chess")),
        ("analyse emergence", ("--task", "chess")),
        ("export valley", ("--task", "chess")),
    ],
)
def test_a_name_that_the_store_does_not_have_is_refused_and_those_it_has_are_named(
    command: str, words: tuple[str, str], store: Path
) -> None:
    done = run_cli(*command.split(), *words, "--json", store=store)
    there = {"--scheme": "scylla", "--task": "two_sum", "--model": "demo-large"}[words[0]]
    assert repr(words[1]) in read_json(done, status=1)["error"] and there in done.stderr


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("model,task,acc\nmodèle-π,task-1,0.5\n", encoding="utf-8")
    plain = {
        "LC_ALL": "POSIX",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PATH": os.environ["PATH"],
    }
    read_json(
        run_cli("import", tmp_path / "scores.csv", "--empty", "--json", store=tmp_path / "store")
    )
    for words in (("export", "models", "--json"), ("export", "models", "--format", "markdown")):
        command = [sys.executable, str(ROOT / "cli.py"), *words, "--store", str(tmp_path / "store")]
        assert "modèle-π" in subprocess.run(
            command, capture_output=True, timeout=120, env=plain, check=True
        ).stdout.decode("utf-8")


def test_a_reader_that_has_seen_enough_is_no_fault(store: Path) -> None:
    command = (
        f"'{sys.executable}' '{ROOT / 'cli.py'}' export samples --json --store '{store}' | head"
        " -c 10"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert (
        done.stdout.startswith("[")
        and "Traceback" not in done.stderr
        and "Exception" not in done.stderr
    )


def test_valley_finds_the_published_and_the_measured_models(store: Path) -> None:
    found = read_json(run_cli("analyse", "valley", "--resamples", "200", "--json", store=store))[
        "models"
    ]
    by_model = {valley["model"]: valley for valley in found}
    assert {"demo-small", "demo-large", "Qwen1.5-72B"} <= by_model.keys()
    assert (
        by_model["demo-large"]["source"] == "samples"
        and by_model["Qwen1.5-72B"]["source"] == "published"
    )
    assert by_model["demo-large"]["critical_level"] == 4
    assert [row["level"] for row in by_model["demo-large"]["levels"]] == [1, 2, 3, 4, 5]
    assert {"p_critical", "log_odds_gap"} <= by_model["demo-large"].keys()


def test_valley_of_one_model_repeats_with_its_seed(store: Path) -> None:
    words = (
        "analyse",
        "valley",
        "--model",
        "demo-small",
        "--resamples",
        "200",
        "--seed",
        "3",
        "--json",
    )
    first, second = read_json(run_cli(*words, store=store)), read_json(run_cli(*words, store=store))
    assert first == second and [valley["model"] for valley in first["models"]] == ["demo-small"]


def test_the_denominator_changes_accuracy(store: Path) -> None:
    def accuracy(denominator: str) -> float:
        words = (
            "analyse",
            "valley",
            "--model",
            "demo-large",
            "--resamples",
            "10",
            "--denominator",
            denominator,
            "--json",
        )
        return float(read_json(run_cli(*words, store=store))["models"][0]["levels"][0]["a_id"])

    assert accuracy("parsed_only") > accuracy("unparsed_is_wrong")


def test_analyse_says_what_explains_a_gap(store: Path) -> None:
    words = ("analyse", "valley", "--explain", "--resamples", "50", "--json")
    found = {model["model"]: model for model in read_json(run_cli(*words, store=store))["models"]}
    large = found["demo-large"]
    assert [fit["name"] for fit in large["explanation"]["curves"]] == ["M0", "M1", "M2", "M3", "M4"]
    assert (
        large["verdict"]["kind"] == "constant penalty" and large["axis"]["kind"] == "level number"
    )
    assert (
        large["critical_complexity"]["lo"]
        < large["critical_complexity"]["level"]
        < large["critical_complexity"]["hi"]
    )
    assert (
        found["Qwen1.5-7B"]["explanation"] is None
        and found["Qwen1.5-7B"]["verdict"]["kind"] == "means only"
    )


def test_an_unknown_kind_of_ood_is_refused(store: Path) -> None:
    done = run_cli("analyse", "valley", "--ood", "decade", store=store)
    assert done.returncode == 1 and "No run has OOD instances of the kind 'decade'" in done.stderr


def test_a_valley_report_for_people_has_a_sentence(store: Path) -> None:
    done = run_cli("analyse", "valley", "--model", "demo-large", "--resamples", "50", store=store)
    assert done.returncode == 0 and "demo-large" in done.stdout


@pytest.mark.parametrize(
    "table",
    [
        "models",
        "tasks",
        "levels",
        "runs",
        "scores",
        "samples",
        "imports",
        "rejects",
        "task_counts",
        "level_scores",
        "valley",
    ],
)
def test_every_table_leaves_as_json(table: str, store: Path) -> None:
    rows = read_json(run_cli("export", table, "--json", store=store))
    assert isinstance(rows, list) and (rows or table == "rejects")


def test_export_to_a_file_says_how_much_it_wrote(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "counts.parquet"
    told = read_json(
        run_cli("export", "task_counts", "--format", "parquet", "--out", out, "--json", store=store)
    )
    assert told["rows"] == pq.read_table(out).num_rows == 60
    assert told["n_bytes"] == out.stat().st_size


def test_export_of_samples_follows_the_selection(store: Path) -> None:
    rows = read_json(
        run_cli(
            "export", "samples", "--model", "demo-small", "--task", "tsp", "--json", store=store
        )
    )
    assert {(row["model"], row["task"]) for row in rows} == {("demo-small", "tsp")}
    assert len(rows) == 80


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_exported_samples_import_back(file_format: str, store: Path, tmp_path: Path) -> None:
    out = tmp_path / f"samples.{file_format}"
    told = read_json(
        run_cli("export", "samples", "--format", file_format, "--out", out, "--json", store=store)
    )
    (source,) = read_json(run_cli("import", out, "--empty", "--json", store=tmp_path / "other"))[
        "imports"
    ]
    assert (told["rows"], source["status"], source["runs"], source["samples"]) == (
        2400,
        "imported",
        2,
        2400,
    )


def test_samples_for_import_leave_as_whole_runs(store: Path) -> None:
    assert (
        run_cli("export", "samples", "--format", "jsonl", "--task", "tsp", store=store).returncode
        == 2
    )
    lines = run_cli(
        "export", "samples", "--format", "jsonl", "--model", "demo-small", store=store
    ).stdout.splitlines()
    assert len(lines) == 1201 and all(json.loads(line) for line in lines)


def test_runs_leave_as_records_of_every_eval_ever_and_import_back(
    store: Path, tmp_path: Path
) -> None:
    records = ("export", "runs", "--format", "every_eval_ever")
    told = read_json(
        run_cli(
            *records, "--model", "demo-small", "--out", tmp_path / "records", "--json", store=store
        )
    )
    (source,) = read_json(
        run_cli("import", tmp_path / "records", "--empty", "--json", store=tmp_path / "other")
    )["imports"]
    assert (told["rows"], source["format"], source["runs"], source["samples"]) == (
        1,
        "every_eval_ever",
        1,
        1200,
    )
    assert told["n_bytes"] > 100_000
    assert "--out" in run_cli(*records, store=store).stderr
    assert (
        run_cli(
            "export", "scores", "--format", "every_eval_ever", "--out", tmp_path / "no", store=store
        ).returncode
        == 2
    )
    assert (
        run_cli("export", "runs", "--out", tmp_path / "records", store=store).returncode == 2
    )  # a table is one file


def test_a_table_too_long_for_latex_is_refused_and_leaves_no_file(
    store: Path, tmp_path: Path
) -> None:
    done = run_cli(
        "export", "samples", "--format", "latex", "--out", tmp_path / "samples.tex", store=store
    )
    assert done.returncode == 1 and "2,000" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("samples")] == []


def test_removing_a_run_takes_its_rows_and_leaves_a_sound_store(store: Path) -> None:
    told = read_json(run_cli("store", "remove-run", "run-demo-small", "--json", store=store))
    assert told["n_removed"] == 1
    assert read_json(run_cli("store", "check", "--json", store=store))["passed"]
    assert {
        row["model"] for row in read_json(run_cli("export", "samples", "--json", store=store))
    } == {"demo-large"}


def test_removing_an_unknown_run_removes_nothing(store: Path) -> None:
    done = run_cli("store", "remove-run", "run-demo-small", "run-unknown", "--json", store=store)
    assert "run-unknown" in read_json(done, status=1)["error"]
    assert read_json(run_cli("store", "info", "--json", store=store))["samples"] == 2400


def test_check_finds_a_rollup_that_no_longer_matches_its_samples(store: Path) -> None:
    opened = Store(store)
    with opened.transaction() as cursor:
        cursor.execute("UPDATE cells SET n_correct = n_correct + 1 WHERE rowid = 0")
    opened.close()
    told = read_json(run_cli("store", "check", "--json", store=store), status=1)
    assert [check["name"] for check in told["checks"] if not check["passed"]] == [
        "rollups equal recounted samples"
    ]


def test_check_finds_a_key_that_leads_nowhere(store: Path) -> None:
    opened = Store(store)
    with opened.transaction() as cursor:
        cursor.execute("UPDATE runs SET model_key = 99999 WHERE run_id = 'run-demo-small'")
    opened.close()
    told = read_json(run_cli("store", "check", "--json", store=store), status=1)
    assert [check["name"] for check in told["checks"] if not check["passed"]] == [
        "runs.model_key -> models"
    ]


def test_compacting_keeps_every_row_and_the_version(store: Path) -> None:
    before = read_json(run_cli("store", "info", "--json", store=store))
    told = read_json(run_cli("store", "compact", "--json", store=store))
    after = read_json(run_cli("store", "info", "--json", store=store))
    assert told["n_bytes"] > 0
    assert {key: value for key, value in after.items() if key != "n_bytes"} == {
        key: value for key, value in before.items() if key != "n_bytes"
    }
    assert read_json(run_cli("store", "check", "--json", store=store))["passed"]


def test_verify_reports_methods_that_are_not_built_as_such(tmp_path: Path) -> None:
    vectors = {
        "scylla_generalization_score": [
            {"inputs": {"id_acc": 0.8, "ood_acc": 0.5}, "expected": {"S": 0.2}, "tolerance": 1e-9}
        ],
        "no_such_method": [{"inputs": {}, "expected": {"x": 1}, "tolerance": 0}],
    }
    (tmp_path / "vectors.json").write_text(json.dumps(vectors))
    methods = read_json(run_cli("verify", tmp_path / "vectors.json", "--json"))["methods"]
    assert (
        methods["scylla_generalization_score"][0]["passed"]
        and methods["scylla_generalization_score"][0]["digits"] > 9
    )
    assert methods["no_such_method"] == [{"not_built": True}]


def test_verify_fails_when_a_value_disagrees(tmp_path: Path) -> None:
    vectors = {
        "scylla_generalization_score": [
            {"inputs": {"id_acc": 0.8, "ood_acc": 0.5}, "expected": {"S": 0.3}, "tolerance": 1e-9}
        ]
    }
    (tmp_path / "vectors.json").write_text(json.dumps(vectors))
    assert not read_json(run_cli("verify", tmp_path / "vectors.json", "--json"), status=1)[
        "methods"
    ]["scylla_generalization_score"][0]["passed"]


def test_the_shell_starts_without_heavy_modules() -> None:
    code = (
        "import sys, cli; print(sorted({'duckdb', 'pandas', 'numpy', 'scipy', 'streamlit', 'torch',"
        " 'pyarrow'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.stdout.strip() == "[]", done.stderr
