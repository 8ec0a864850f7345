"""OpenCompass work folders: every shape of predictions and details, groups, configurations that are
never run, and what is broken.
"""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importers.opencompass.config import read_config
from data.importers.opencompass.source import IMPORTER
from data.importing import discover, import_sources
from data.records import Outcome, RunStatus
from tests.data.importers.inspect_files import put

CONFIG = """
datasets=[
    dict(abbr='sums', path='data/sums',
         infer_cfg=dict(retriever=dict(type='a.b.FixKRetriever', fix_id_list=[0, 1, 2]))),
    dict(abbr='lists', infer_cfg=dict(retriever=dict(type='a.b.ZeroRetriever'))),
]
models=[dict(abbr='model-a', path='org/model-a', max_out_len=16, type='a.b.HF', penalty=-1.5,
             hook=open('/etc/hosts'))]
summarizer=dict(summary_groups=[dict(name='both', subsets=['sums', 'lists'])])
raise SystemExit('this is never run')
"""


def gen(number: int, said: Any = "5", gold: Any = "5", **changes: Any) -> dict[str, Any]:
    return {"origin_prompt": f"question {number}", "prediction": said, "gold": gold} | changes


def judged(number: int, correct: Any = True, **changes: Any) -> dict[str, Any]:
    """Details as an evaluator of its own writes them."""
    return {
        "example_abbr": f"sums_{number}",
        "pred": ["It is 5."],
        "parsed": ["5"],
        "refr": ["5"],
        "correct": [correct],
    } | changes


def write(
    root: Path, files: dict[str, Any], *, time: str = "20260102_030405", config: str | None = CONFIG
) -> Path:
    """A work folder: JSON content by path within it; text as it stands."""
    folder = root / time
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
        )
    if config is not None:
        (folder / "configs").mkdir(parents=True, exist_ok=True)
        (folder / "configs" / f"{time}_1.py").write_text(config, encoding="utf-8")
    return folder


ONE = {
    "predictions/model-a/sums.json": {"0": gen(0, "It is 5."), "1": gen(1, "It is 6.")},
    "results/model-a/sums.json": {
        "accuracy": 50.0,
        "details": [judged(0), judged(1, False, parsed=["6"])],
    },
}


def test_the_genuine_folder_gives_what_is_expected_of_it(read_files, shared: Path) -> None:
    expected = json.loads((shared / "fixtures" / "EXPECTED.json").read_text(encoding="utf-8"))
    read = read_files(IMPORTER, shared / "fixtures" / "opencompass")
    models = {run.run_id: run.model_raw for run in read.runs}
    checked = 0
    for name, values in expected.items():
        if not name.startswith("opencompass/"):
            continue
        model, task = Path(name).parent.name, Path(name).stem
        scores = [s for s in read.scores if (models[s.run_id], s.task) == (model, task)]
        rows = [row for row in read.samples if (models[row.run_id], row.task) == (model, task)]
        assert {score.metric: score.value for score in scores} == values["metrics"]
        assert len(rows) == values["details"] == values["predictions"]
        assert 100 * sum(row.score for row in rows) / len(rows) == pytest.approx(
            values["metrics"]["accuracy"], abs=1e-9
        )
        checked += 1
    assert checked == 6
    groups = [(models[s.run_id], s.task, s.value, s.n) for s in read.scores if s.is_group]
    assert groups == [
        ("tiny-a-hf", "cc_add", 19.79, 40),
        ("tiny-b-hf", "cc_add", 33.33, 40),
    ]  # each stands twice in the summary
    assert (read.rejects, read.notices) == ([], [])


def test_the_run_and_its_configuration(read_files, tmp_path: Path) -> None:
    (run,) = read_files(IMPORTER, write(tmp_path, ONE)).runs
    assert (run.model_raw, run.metadata["path"], run.n_shot, run.generation) == (
        "model-a",
        "org/model-a",
        3,
        {"max_out_len": 16},
    )
    assert (run.started_at, run.date_source) == (
        datetime(2026, 1, 2, 3, 4, 5),
        "folder name (local time)",
    )
    assert (run.status, run.warnings) == (RunStatus.SUCCESS, ())
    assert run.metadata["config"]["penalty"] == -1.5
    assert run.metadata["config"]["hook"] == "open('/etc/hosts')"  # its text; nothing was opened


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("prediction.origin_prompt", "why?", "input", "why?"),
        (
            "prediction.origin_prompt",
            [{"role": "HUMAN", "prompt": "why?"}, {"role": "BOT", "prompt": ""}],
            "input",
            "[HUMAN]\nwhy?\n\n[BOT]\n",
        ),
        ("prediction.prediction", "said", "response", "said"),
        ("prediction.gold", "42", "target", "42"),
        ("prediction.gold", ["42"], "target", "42"),
        ("prediction.in-context examples", "Q A", "metadata", {"in_context_examples": "Q A"}),
        ("detail.parsed", ["7"], "parsed_answer", "7"),
        ("detail.correct", [False], "outcome", Outcome.WRONG),
        ("detail.correct", [True], "score", 1.0),
        ("detail.correct", True, "outcome", Outcome.CORRECT),
        ("detail.judge", "why", "metadata", {"detail": {"judge": "why"}}),
    ],
)
def test_each_field_of_a_row_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    record = put({"prediction": gen(0), "detail": judged(0)}, path, value)
    files = {
        "predictions/model-a/sums.json": {"0": record["prediction"]},
        "results/model-a/sums.json": {"accuracy": 100.0, "details": [record["detail"]]},
    }
    read = read_files(IMPORTER, write(tmp_path, files))
    assert getattr(read.samples[0], field) == expected
    assert (read.samples[0].instance_id, read.rejects) == ("0", [])


def test_answers_chosen_by_likelihood_keep_the_mean_loss_under_its_name(
    read_files, tmp_path: Path
) -> None:
    labels = {
        "label: A": {"testing input": "q A", "PPL": 6.25, "BPB": 3.5},
        "label: B": {"testing input": "q B", "PPL": 6.5, "BPB": 3.75},
    }
    detail = {"origin_prediction": {}, "predictions": "A", "references": "B", "correct": False}
    files = {
        "predictions/model-a/sums.json": {
            "0": {"origin_prompt": "q A", **labels, "prediction": "A", "gold": "B"}
        },
        "results/model-a/sums.json": {"accuracy": 0.0, "details": {"type": "PPL", "0": detail}},
    }
    (row,) = read_files(IMPORTER, write(tmp_path, files)).samples
    assert (row.response, row.target, row.outcome) == ("A", "B", Outcome.WRONG)
    assert row.metrics == {
        "mean_nll": {"A": 6.25, "B": 6.5},
        "bits_per_byte": {"A": 3.5, "B": 3.75},
        "correct": False,
    }
    assert row.choice_logprobs is None


def test_choices_weighed_against_each_other_have_log_probabilities(
    read_files, tmp_path: Path
) -> None:
    weighed = {
        "origin_prompt": "q",
        "choices": ["A", "B"],
        "prediction": [0.25, 0.75],
        "pred_label": "B",
        "gold": "B",
    }
    (row,) = read_files(
        IMPORTER, write(tmp_path, {"predictions/model-a/sums.json": {"0": weighed}})
    ).samples
    assert (row.response, row.choice_logprobs) == ("B", (math.log(0.25), math.log(0.75)))


@pytest.mark.parametrize(
    ("accuracy", "outcomes"), [(50.0, [Outcome.CORRECT, Outcome.WRONG]), (75.0, [None, None])]
)
def test_verdicts_that_are_not_stated_are_recomputed_only_if_they_give_the_accuracy(
    read_files, tmp_path: Path, accuracy: float, outcomes: list[Outcome | None]
) -> None:
    said = [
        {
            "prompt": "q",
            "origin_prediction": f"It is {n}.",
            "predictions": str(n),
            "references": "0",
        }
        for n in (0, 1)
    ]
    details = {"type": "GEN", "0": said[0], "1": said[1]}
    files = {
        "predictions/model-a/sums.json": {
            "0": gen(0, "It is 0.", "0"),
            "1": gen(1, "It is 1.", "0"),
        },
        "results/model-a/sums.json": {"accuracy": accuracy, "details": details},
    }
    assert [row.outcome for row in read_files(IMPORTER, write(tmp_path, files)).samples] == outcomes


def test_replicas_are_epochs(read_files, tmp_path: Path) -> None:
    files = {
        "predictions/model-a/sums.json": {"0": gen(0, ["5", "6"])},
        "results/model-a/sums.json": {
            "accuracy (2 runs average)": 50.0,
            "G-Pass@2_0.5": 100.0,
            "details": [
                judged(0, pred=["5", "6"], parsed=["5", "6"], refr=["5", "5"])
                | {"correct": [True, False]}
            ],
        },
    }
    read = read_files(IMPORTER, write(tmp_path, files))
    assert [(row.epoch, row.response, row.parsed_answer, row.outcome) for row in read.samples] == [
        (1, "5", "5", Outcome.CORRECT),
        (2, "6", "6", Outcome.WRONG),
    ]
    assert [(s.metric, s.value01, s.n, s.flag) for s in read.scores] == [
        ("accuracy (2 runs average)", 0.5, 1, None),
        ("G-Pass@2_0.5", 1.0, None, None),
    ]


def test_shards_are_put_together_in_their_order(read_files, tmp_path: Path) -> None:
    shards = {
        f"predictions/model-a/sums_{shard}.json": {str(n): gen(10 * shard + n) for n in range(2)}
        for shard in (0, 1, 10, 2)
    }
    read = read_files(
        IMPORTER, write(tmp_path, {**shards, "results/model-a/sums.json": {"accuracy": 100.0}})
    )
    assert [(row.instance_id, row.input) for row in read.samples] == [
        (str(i), f"question {n}") for i, n in enumerate((0, 1, 10, 11, 20, 21, 100, 101))
    ]
    assert {row.task for row in read.samples} == {"sums"}


def test_scores_and_scales(read_files, tmp_path: Path) -> None:
    metrics = {
        "accuracy": 50.0,
        "score": 7.5,
        "bleu": 12.5,
        "bp": 0.5,
        "sys_len": 3,
        "type": "GEN",
        "perplexity": 250.0,
    }
    results = {**ONE["results/model-a/sums.json"], **metrics}
    read = read_files(IMPORTER, write(tmp_path, {**ONE, "results/model-a/sums.json": results}))
    assert [(s.metric, s.scale, s.value01, s.n, s.stderr) for s in read.scores] == [
        ("accuracy", "0-100", 0.5, 2, 50.0),
        ("score", "raw", None, 2, None),
        ("bleu", "0-100", 0.125, None, None),
        ("perplexity", "raw", None, None, None),
    ]
    assert read.scores[0].n_shot == 3
    assert read.scores[0].metadata == {"dataset_path": "data/sums"}


def test_an_accuracy_that_the_answers_contradict_is_a_warning(read_files, tmp_path: Path) -> None:
    read = read_files(
        IMPORTER,
        write(
            tmp_path,
            {
                **ONE,
                "results/model-a/sums.json": {**ONE["results/model-a/sums.json"], "accuracy": 75.0},
            },
        ),
    )
    assert read.notices == ["sums, accuracy: 75 reported, 50 from the answers"]
    assert read.scores[0].flag == "disagrees_with_samples"


SUMMARY = (
    "dataset,version,metric,mode,model-a\n"
    "sums,abc123,accuracy,gen,50.00\n"
    "lists,abc124,accuracy,gen,25.00\n"
)


@pytest.mark.parametrize(
    ("rows", "expected", "n_warnings"),
    [
        (
            "both,-,accuracy,mixed,37.50\nboth,-,naive_average,mixed,37.50\n",
            [("both", 37.5, True, None)],
            0,
        ),
        ("both,-,naive_average,mixed,60.00\n", [("both", 60.0, True, "disagrees_with_samples")], 1),
        ("both,-,weighted_average,mixed,40.00\n", [("both", 40.0, True, None)], 0),
        ("third,ffffff,accuracy,gen,12.34\n", [("third", 12.34, False, None)], 0),
        ("third,ffffff,accuracy,gen,-\n", [], 0),
    ],
)
def test_groups_come_from_the_summary_once(
    read_files, tmp_path: Path, rows: str, expected: list[Any], n_warnings: int
) -> None:
    lists = {"accuracy": 25.0, "details": [judged(n, n == 0) for n in range(4)]}
    read = read_files(
        IMPORTER,
        write(
            tmp_path,
            {**ONE, "results/model-a/lists.json": lists, "summary/summary_1.csv": SUMMARY + rows},
        ),
    )
    assert [(s.task, s.value, s.is_group, s.flag) for s in read.scores[2:]] == expected
    assert len(read.notices) == n_warnings
    if expected == [("both", 37.5, True, None)]:
        assert read.scores[2].stderr == pytest.approx(math.hypot(50, 25) / 2)


def test_judged_runs_and_failed_and_unscored_datasets(read_files, tmp_path: Path) -> None:
    files = {
        **ONE,
        "results/model-a_judged-by--gpt/sums.json": {
            "score": 50.0,
            "details": [judged(0), judged(1, False)],
        },
        "results/model-a/broken.json": {"error": "No valid prediction"},
        "predictions/model-a/later.json": {"0": gen(0)},
    }
    read = read_files(IMPORTER, write(tmp_path, files))
    plain, by_judge = read.runs
    assert (plain.status, by_judge.status) == (RunStatus.PARTIAL, RunStatus.SUCCESS)
    assert plain.warnings == ("broken failed: No valid prediction", "not scored: later")
    assert by_judge.model_raw == "model-a"
    assert {row.variant for row in read.samples if row.run_id == by_judge.run_id} == {
        "judged by gpt"
    }


def test_a_folder_that_went_on_replaces_its_runs(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    for files, n in (({"predictions/model-a/sums.json": {"0": gen(0)}}, 1), (ONE, 2)):
        (result,) = import_sources(store, discover([write(tmp_path / "out", files)]).sources)
        assert (result.status, result.samples) == ("imported", n)
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(1,)]


def test_a_results_file_named_by_itself_gives_its_answers(tmp_path: Path) -> None:
    folder = write(tmp_path, ONE)
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(
        store, discover([folder / "results" / "model-a" / "sums.json"]).sources
    )
    assert (result.status, result.scores, result.samples) == ("imported", 1, 2)


@pytest.mark.parametrize(
    ("name", "bad", "record", "field"),
    [
        ("predictions", {"0": gen(0), "1": 5}, "1", "record"),
        (
            "predictions",
            {"0": gen(0), "1": gen(1, origin_prompt=5)},
            "1",
            "prediction.origin_prompt",
        ),
        (
            "results",
            {"accuracy": 50.0, "details": [judged(0), judged(1, "perhaps")]},
            "1",
            "detail.correct",
        ),
        ("results", {"accuracy": "high", "details": [judged(0), judged(1)]}, "sums", "accuracy"),
    ],
)
def test_a_bad_record_is_rejected_with_its_place(
    tmp_path: Path, name: str, bad: Any, record: str, field: str
) -> None:
    store = open_store(tmp_path / "store", empty=True)
    folder = write(tmp_path / "out", {**ONE, f"{name}/model-a/sums.json": bad})
    (result,) = import_sources(store, discover([folder]).sources)
    assert result.status == "imported"
    assert [(reject.record, reject.field) for reject in result.rejects] == [(record, field)]
    assert result.samples == (2 if field == "accuracy" else 1)


@pytest.mark.parametrize("name", ["predictions", "results"])
def test_a_cut_file_fails_the_folder_with_its_name(tmp_path: Path, name: str) -> None:
    path = f"{name}/model-a/sums.json"
    folder = write(tmp_path / "out", {**ONE, path: json.dumps(ONE[path])[:-9]})
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([folder]).sources)
    assert result.status == "failed"
    assert "sums.json cannot be read: it ends before its last bracket" in result.message


def test_configurations_that_cannot_be_parsed_are_a_warning(read_files, tmp_path: Path) -> None:
    run = read_files(IMPORTER, write(tmp_path, ONE, config="models = [dict(")).runs[0]
    assert "is no Python that can be parsed" in run.warnings[0]
    (tmp_path / "deep.py").write_text("x=" + "(" * 5000 + ")" * 5000, encoding="utf-8")
    assert read_config([tmp_path / "deep.py"])[1]


def test_other_folders_of_such_names_are_left_alone(tmp_path: Path) -> None:
    for name in ("predictions", "results"):
        (tmp_path / name / "a").mkdir(parents=True)
        (tmp_path / name / "a" / "b.json").write_text('{"some": "thing"}', encoding="utf-8")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "x.py").write_text("a = 1", encoding="utf-8")
    assert discover([tmp_path]).sources == ()
