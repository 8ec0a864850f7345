"""The authors' tree: both denominators, every variant, what is missing, and what is broken."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importers.scylla.source import IMPORTER
from data.importing import discover, import_sources
from data.queries import fetch_task_counts
from data.records import Outcome, RunStatus, Selection, Split

EXTRINSIC = "all_{split}_eval_results---instruction---extrinsic.json"


def _row(index: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"my-model-TwoSum-instruction-{index}",
        "model_input": f"Solve the task with the following input:\n{index} 2\n\nIMPORTANT: ...",
        "desired_output_js": ["[1, 2]", "[2, 1]"],
        "model_generation": "The answer is [1, 2].",
        "model_answer_js": "[1, 2]",
        "correct": True,
        "second_model_generation": "Therefore, the answer is [1, 2].",
        "second_model_answer_js": "[1, 2]",
        "second_correct": True,
    } | changes


def _write(root: Path, rows: Any, split: str = "id", name: str | None = None) -> Path:
    folder = root / f"{split}_data" / "my-model" / "TwoSum"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (name or EXTRINSIC.format(split=split))
    file.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return file


def test_a_tree_is_one_source_with_one_run_per_model(read_files, shared: Path) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "scylla")
    assert [source.path for source in read.sources] == [shared / "fixtures" / "scylla" / "out"]
    assert sorted(run.model_raw for run in read.runs) == [
        "synthetic-1b-instruct",
        "synthetic-8b-instruct",
    ]
    assert {run.status for run in read.runs} == {RunStatus.SUCCESS}
    assert read.rejects == []


def test_both_denominators_agree_with_the_expected_accuracies(read_files, shared: Path) -> None:
    expected = json.loads((shared / "fixtures" / "EXPECTED.json").read_text(encoding="utf-8"))
    read = read_files(IMPORTER, shared / "fixtures" / "scylla")
    models = {run.run_id: run.model_raw for run in read.runs}
    counts = Counter(
        (models[s.run_id], s.task, s.split, s.outcome) for s in read.samples if s.variant == "first"
    )
    checked = 0
    for key, values in expected.items():
        if not key.startswith("scylla/"):
            continue
        _, model, task = key.split("/")
        for split in Split:
            right, wrong, unparsed = (
                counts[model, task, split, o]
                for o in (Outcome.CORRECT, Outcome.WRONG, Outcome.UNPARSED)
            )
            assert round(right / (right + wrong), 4) == values[f"{split}_acc"]
            assert round(right / (right + wrong + unparsed), 4) == values[f"{split}_acc_strict"]
            checked += 1
    assert checked == 16


@pytest.mark.parametrize("variant", ["first", "second"])
def test_accuracies_recounted_from_answers_are_those_of_the_measurement_files(
    read_files, shared: Path, variant: str
) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "scylla")
    counts = Counter(
        (s.run_id, s.task, s.split, s.outcome) for s in read.samples if s.variant == variant
    )
    stated = [
        s for s in read.scores if s.metric == "acc" and s.variant == variant and s.subset is None
    ]
    assert len(stated) == 22
    for score in stated:
        right, wrong = (
            counts[score.run_id, score.task, score.split, o]
            for o in (Outcome.CORRECT, Outcome.WRONG)
        )
        assert score.value == pytest.approx(right / (right + wrong), abs=1e-12)
        assert (score.n, score.metadata["n_correct"], score.metadata["n_asked"]) == (
            right + wrong,
            right,
            64,
        )
        assert score.flag is None


def test_the_store_counts_the_first_answers_and_places_tasks_by_the_catalog(
    shared: Path, tmp_path: Path
) -> None:
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([shared / "fixtures" / "scylla"]).sources)
    assert (result.status, result.runs, result.samples, result.rejected) == ("imported", 2, 3072, 0)
    counts = fetch_task_counts(store, Selection(models=("synthetic-1b-instruct",))).set_index(
        ["task", "split"]
    )
    row = counts.loc[("find_minimum", "id")]
    assert (row["level"], row["n_correct"], row["n_wrong"], row["n_unparsed"], row["n_error"]) == (
        1,
        58,
        2,
        4,
        0,
    )
    assert counts.loc[("tsp", "ood"), "level"] == 5
    lis = (
        fetch_task_counts(store, Selection(models=("synthetic-8b-instruct",)))
        .set_index("task")
        .loc["longest_increasing_subsequence"]
    )
    assert lis["level"].isna().all()
    assert set(lis["role"]) == {"probe"}


def test_instances_of_the_two_splits_are_told_apart(read_files, shared: Path) -> None:
    samples = read_files(IMPORTER, shared / "fixtures" / "scylla").samples
    assert len({(s.run_id, s.task, s.instance_id, s.variant) for s in samples}) == len(samples)
    assert {s.instance_id.split("-")[0] for s in samples if s.split is Split.OOD} == {"ood"}


def test_answer_probabilities_belong_to_the_instance_that_was_answered(
    read_files, shared: Path
) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "scylla")
    run_id = read.run_of("synthetic-8b-instruct").run_id
    by_variant = {
        s.variant: s
        for s in read.samples
        if (s.run_id, s.task, s.instance_id) == (run_id, "TwoSum", "id-0")
    }
    intrinsic = by_variant["intrinsic"]
    assert intrinsic.target == "44 43"
    assert intrinsic.score == pytest.approx(0.8730892880125893)
    assert intrinsic.token_logprobs == pytest.approx((-0.15899254717069686, -0.1124423551353675))
    assert intrinsic.answer_logprob == pytest.approx(-0.2714349023060643)
    assert intrinsic.outcome is None
    assert by_variant["first"].outcome is Outcome.UNPARSED
    means = {s.split: s.value for s in read.scores if s.run_id == run_id and s.metric == "prob"}
    mine = [
        s.score
        for s in read.samples
        if s.run_id == run_id and s.variant == "intrinsic" and s.split is Split.ID
    ]
    assert sum(mine) / len(mine) == pytest.approx(means[Split.ID], abs=1e-9)


def test_the_authors_numbers_keep_their_meaning(read_files, shared: Path) -> None:
    read = read_files(IMPORTER, shared / "fixtures" / "scylla")
    run_id = read.run_of("synthetic-8b-instruct").run_id
    mine = {
        (s.metric, s.variant, s.subset, s.split): s
        for s in read.scores
        if s.run_id == run_id and s.task == "TwoSum"
    }
    assert mine["acc_diff", "first", None, None].value == pytest.approx(0.21857923497267762)
    assert mine["acc_ratio", "second", None, None].value == 0.76875
    assert mine["js_divergence", "intrinsic", "prob", None].flag == "unnormalised"
    assert mine["acc", "first", "top100", Split.ID].value == 0.84375
    assert mine["acc", "first", "top100", Split.ID].metadata["denominator"] == "unparsed_is_wrong"
    assert mine["K_to_acc_norm", "first", "top60 K=10", Split.OOD].value == pytest.approx(
        0.6369677787875575
    )


def test_permutations_of_one_answer_are_stored_once(read_files, tmp_path: Path) -> None:
    _write(tmp_path, [_row(0, desired_output_js=["[1, 2, 3]"] * 120)])
    first, second = read_files(IMPORTER, tmp_path).samples
    assert (first.target, first.metadata) == ("[1, 2, 3]", {"n_listed_answers": 120})
    assert (
        second.input is None
    )  # the first prompt, the first response and the second trigger; not kept twice


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"correct": False}, Outcome.WRONG, "differs"),
        ({"correct": False, "model_answer_js": None}, Outcome.UNPARSED, "found no answer"),
        ({"correct": False, "model_answer_js": "null"}, Outcome.UNPARSED, "found no answer"),
        ({"correct": None}, Outcome.UNPARSED, "no verdict"),
        (
            {"model_generation": "", "correct": False, "model_answer_js": None},
            Outcome.ERROR,
            "no answer was obtained",
        ),
        (
            {"model_generation": None, "correct": None, "model_answer_js": None},
            Outcome.ERROR,
            "no answer was obtained",
        ),
    ],
)
def test_what_became_of_an_answer_is_said_with_its_reason(
    read_files, tmp_path: Path, changes: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    _write(tmp_path, [_row(0), _row(1, **changes)])
    samples = [s for s in read_files(IMPORTER, tmp_path).samples if s.variant == "first"]
    assert [s.outcome for s in samples] == [Outcome.CORRECT, outcome]
    assert reason in samples[1].reason


def test_answers_that_nobody_graded_are_not_unparsed(read_files, tmp_path: Path) -> None:
    ungraded = {
        "model_answer_js": None,
        "correct": None,
        "second_model_answer_js": None,
        "second_correct": None,
    }
    _write(tmp_path, [_row(index, **ungraded) for index in range(3)])
    samples = read_files(IMPORTER, tmp_path).samples
    assert {s.outcome for s in samples} == {None}
    assert "step 5.5 was not run" in samples[0].reason


def test_answers_encoded_twice_are_unwrapped(read_files, tmp_path: Path) -> None:
    _write(tmp_path, [_row(0, model_answer_js=json.dumps("[1, 2]"))])
    assert read_files(IMPORTER, tmp_path).samples[0].parsed_answer == "[1, 2]"


def test_a_tree_that_lacks_something_is_partial_and_says_what(
    read_files, shared: Path, tmp_path: Path
) -> None:
    _write(tmp_path, [_row(0)])
    run = read_files(IMPORTER, tmp_path).runs[0]
    assert run.status is RunStatus.PARTIAL
    assert run.warnings == ("TwoSum: no OOD answers (extrinsic) in the tree.",)
    aggregates = read_files(IMPORTER, shared / "fixtures" / "scylla" / "out" / "measurement")
    assert aggregates.samples == []
    assert aggregates.runs[0].status is RunStatus.PARTIAL
    assert "only the authors' aggregate numbers" in aggregates.runs[0].warnings[0]


def test_items_of_an_interrupted_evaluation_come_in_as_partial(read_files, tmp_path: Path) -> None:
    for index in range(3):
        _write(tmp_path, "", name=EXTRINSIC.format(split="id")).unlink()
        cache = tmp_path / "id_data" / "my-model" / "TwoSum" / "eval_model_cache"
        cache.mkdir(exist_ok=True)
        (cache / f"my-model-TwoSum-instruction-{index}.json").write_text(
            json.dumps(_row(index)), encoding="utf-8"
        )
    _write(tmp_path, [_row(7)], split="ood")
    read = read_files(IMPORTER, tmp_path)
    assert read.runs[0].status is RunStatus.PARTIAL
    assert "did not finish" in read.runs[0].warnings[0]
    assert sorted(s.instance_id for s in read.samples if s.variant == "first") == [
        "id-0",
        "id-1",
        "id-2",
        "ood-7",
    ]
    _write(tmp_path, [_row(9)])  # the finished file takes the place of its cache
    assert sorted(
        s.instance_id for s in read_files(IMPORTER, tmp_path).samples if s.variant == "first"
    ) == ["id-9", "ood-7"]


def test_a_result_file_by_itself_names_its_model_and_task(
    read_files, shared: Path, tmp_path: Path
) -> None:
    folder = shared / "fixtures/scylla/out/ood_data/synthetic-8b-instruct/TSP"
    shutil.copy(folder / EXTRINSIC.format(split="ood"), tmp_path)
    read = read_files(IMPORTER, tmp_path)
    assert [run.model_raw for run in read.runs] == ["synthetic-8b-instruct"]
    assert {(s.task, s.split) for s in read.samples} == {("TSP", Split.OOD)}


def test_a_measurement_that_the_answers_contradict_is_flagged(read_files, tmp_path: Path) -> None:
    _write(tmp_path, [_row(0), _row(1, correct=False)])
    folder = tmp_path / "measurement" / "my-model" / "TwoSum"
    folder.mkdir(parents=True)
    stated = {
        "num_id_samples": 2,
        "num_id_correct": 2,
        "id_acc": 1.0,
        "num_ood_samples": 3,
        "num_ood_correct": 3,
        "ood_acc": 0,
        "acc_diff": 1.0,
    }
    (folder / "measurement---instruction---extrinsic.json").write_text(
        json.dumps(stated), encoding="utf-8"
    )
    flags = {(s.metric, s.split): s.flag for s in read_files(IMPORTER, tmp_path).scores}
    assert flags == {
        ("acc", Split.ID): "disagrees_with_samples",
        ("acc", Split.OOD): "forced_to_zero",
        ("acc_diff", None): None,
    }


def test_a_cut_off_file_gives_the_rows_before_the_break(read_files, tmp_path: Path) -> None:
    text = json.dumps([_row(0), _row(1), _row(2)])
    file = _write(tmp_path, text[: text.index("TwoSum-instruction-2")])
    read = read_files(IMPORTER, tmp_path)
    assert len(read.samples) == 4
    assert [(r.file, r.record, r.field) for r in read.rejects] == [(str(file), "row 2", "json")]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (_row(1, correct="yes"), "correct"),
        (_row(1, desired_output_js=[]), "desired_output_js"),
        (_row(1, desired_output_js=[[1, 2]]), "desired_output_js"),
        (_row(1, model_generation=7), "model_generation"),
        (_row(1, id=None), "id"),
        ([1, 2], "json"),
        ({"id": "x"}, "desired_output_js"),
    ],
)
def test_a_row_of_wrong_types_is_rejected_once_and_the_others_come_in(
    read_files, tmp_path: Path, bad: Any, field: str
) -> None:
    _write(tmp_path, [_row(0), bad, _row(2)])
    read = read_files(IMPORTER, tmp_path)
    assert [(reject.record, reject.field) for reject in read.rejects] == [("row 1", field)]
    assert [s.instance_id for s in read.samples if s.variant == "first"] == ["id-0", "id-2"]


def test_bytes_that_are_no_utf8_reject_their_row_only(read_files, tmp_path: Path) -> None:
    file = _write(tmp_path, [_row(0), _row(1, model_generation="Zürich"), _row(2)])
    file.write_bytes(file.read_bytes().replace(b"Z\\u00fcrich", b"Z\xfcrich"))
    read = read_files(IMPORTER, tmp_path)
    assert [(reject.record, reject.found) for reject in read.rejects] == [
        ("row 1", "bytes that are not UTF-8")
    ]
    assert len(read.samples) == 4


def test_half_a_surrogate_pair_rejects_its_row_and_a_whole_one_does_not(
    read_files, tmp_path: Path
) -> None:
    _write(tmp_path, [_row(0, model_generation="\ud83d"), _row(1, model_generation="\U0001f419")])
    read = read_files(IMPORTER, tmp_path)
    assert [reject.record for reject in read.rejects] == ["row 0"]
    assert read.samples[0].response == "\U0001f419"


@pytest.mark.parametrize("content", ["", "not json", "[]", "{}", "[[[[[", "NaN", "[" * 100_000])
def test_a_broken_file_beside_a_good_one_is_named(read_files, tmp_path: Path, content: str) -> None:
    _write(tmp_path, [_row(0)])
    _write(tmp_path, content, split="ood")
    read = read_files(IMPORTER, tmp_path)
    assert len(read.samples) == 2
    assert len(read.rejects) == (0 if content == "[]" else 1)


def test_a_line_of_ten_megabytes_is_one_answer(read_files, tmp_path: Path) -> None:
    _write(tmp_path, [_row(0, model_generation="x" * 10_000_000), _row(1)])
    assert len(read_files(IMPORTER, tmp_path).samples) == 4


def test_numbers_that_are_none_are_rejected_and_the_others_come_in(
    read_files, tmp_path: Path
) -> None:
    folder = tmp_path / "measurement" / "my-model" / "TwoSum"
    folder.mkdir(parents=True)
    (folder / "measurement---instruction---extrinsic.json").write_text(
        '{"num_id_samples": 4, "id_acc": NaN, "ood_acc": 0.5}', encoding="utf-8"
    )
    read = read_files(IMPORTER, tmp_path)
    assert [reject.field for reject in read.rejects] == ["id_acc"]
    assert [(s.metric, s.split, s.value) for s in read.scores] == [("acc", Split.OOD, 0.5)]


def test_other_folders_are_left_to_others(read_files, shared: Path, tmp_path: Path) -> None:
    for folder in ("lm_eval_v04", "opencompass", "csv"):
        assert read_files(IMPORTER, shared / "fixtures" / folder).sources == []
    _write(tmp_path, {"something": "else"})
    assert read_files(IMPORTER, tmp_path).sources == []


def test_the_same_tree_gives_the_same_run_ids_wherever_it_lies(
    read_files, shared: Path, tmp_path: Path
) -> None:
    shutil.copytree(shared / "fixtures" / "scylla" / "out", tmp_path / "moved")
    here, there = (
        read_files(IMPORTER, folder) for folder in (shared / "fixtures" / "scylla", tmp_path)
    )
    assert [run.run_id for run in here.runs] == [run.run_id for run in there.runs]
