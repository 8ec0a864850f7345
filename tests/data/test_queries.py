"""What the pages and the shell are told: which runs count, how samples are found, sorted and paged,
and what stands in for samples.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from data.bootstrap import open_store
from data.queries import (
    SAMPLE_SORTS,
    SampleFilter,
    count_samples,
    fetch_answers,
    fetch_imports,
    fetch_level_scores,
    fetch_levels,
    fetch_models,
    fetch_neighbours,
    fetch_ood_kinds,
    fetch_rejects,
    fetch_run,
    fetch_runs,
    fetch_sample,
    fetch_sample_page,
    fetch_scale_values,
    fetch_schemes,
    fetch_scores,
    fetch_store_info,
    fetch_task_counts,
    fetch_tasks,
)
from data.records import (
    Outcome,
    RunInfo,
    RunStatus,
    Score,
    ScoredSample,
    Selection,
    Split,
    StoreError,
)
from data.removing import remove_runs
from data.store import Store
from data.writer import writing

SORTS = list(SAMPLE_SORTS)
C, W, U, E = Outcome.CORRECT, Outcome.WRONG, Outcome.UNPARSED, Outcome.ERROR


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


def run_info(run_id: str, model: str = "m", **facts: Any) -> RunInfo:
    return RunInfo(run_id=run_id, model_raw=model, format="test", **facts)


def answers(
    run_id: str,
    outcomes: list[Outcome | None],
    *,
    task: str = "find_minimum",
    split: Split | None = None,
    **facts: Any,
) -> list[ScoredSample]:
    return [
        ScoredSample(run_id=run_id, task=task, instance_id=f"{i}", split=split, outcome=o, **facts)
        for i, o in enumerate(outcomes)
    ]


def write(store: Store, run: RunInfo, *rows: list[ScoredSample] | list[Score]) -> None:
    with writing(store) as writer:
        writer.add_run(run)
        for batch in rows:
            writer.add(batch)


def addresses(frame: pd.DataFrame) -> list[tuple[str, int]]:
    return list(zip(frame["run_id"], frame["row_in_run"].astype(int), strict=True))


# -- counts: what is counted -----------------------------------------------------------------------


def test_outcomes_are_counted_apart_and_ungraded_answers_not_at_all(store: Store) -> None:
    write(store, run_info("r"), answers("r", [C, C, W, U, U, U, E, None], split=Split.ID))
    (row,) = fetch_task_counts(store, Selection()).to_dict("records")
    assert [row[n] for n in ("n_correct", "n_wrong", "n_unparsed", "n_error")] == [2, 1, 3, 1]
    assert (
        row["source"],
        row["task_label"],
        row["level"],
        row["level_label"],
        row["role"],
        row["split"],
    ) == (
        "samples",
        "Find minimum",
        1,
        "O(N)",
        "anchor",
        "id",
    )


def test_second_reading_of_the_same_answers_is_not_counted_again(store: Store) -> None:
    write(
        store,
        run_info("r"),
        answers("r", [C, W], variant="strict"),
        answers("r", [C, C], variant="flexible"),
    )
    frame = fetch_task_counts(store, Selection())
    assert frame[["n_correct", "n_wrong"]].to_numpy().tolist() == [[1, 1]]


def test_run_without_a_graded_answer_has_no_counts(store: Store) -> None:
    write(store, run_info("r"), answers("r", [None, None]))
    assert fetch_task_counts(store, Selection()).empty


@pytest.mark.parametrize("fetch", [fetch_task_counts, fetch_level_scores, fetch_scores])
def test_empty_store_gives_an_empty_frame_with_every_column(store: Store, fetch: Any) -> None:
    empty = fetch(store, Selection())
    write(
        store,
        run_info("r"),
        answers("r", [C]),
        [Score(run_id="r", metric="accuracy", value=0.5, task="other", level=1)],
    )
    assert empty.empty
    assert list(empty.columns) == list(fetch(store, Selection()).columns)


def test_instances_are_counted_once_however_often_they_were_asked(store: Store) -> None:
    again = [answers("r", [C, W, C], split=Split.ID, epoch=epoch) for epoch in (1, 2, 3, 4)]
    write(store, run_info("r"), *again)
    (row,) = fetch_task_counts(store, Selection()).to_dict("records")
    assert (row["n_correct"], row["n_wrong"], row["n_instances"]) == (8, 4, 3)
    assert fetch_scale_values(store, Selection(), "accuracy")["n_instances"].tolist() == [3]


# -- counts: which run -----------------------------------------------------------------------------


def test_newest_run_of_a_model_and_task_is_taken_and_the_others_are_counted(store: Store) -> None:
    write(store, run_info("old", finished_at=datetime(2024, 1, 1)), answers("old", [C] * 2))
    write(store, run_info("new", finished_at=datetime(2025, 1, 1)), answers("new", [W] * 2))
    write(store, run_info("older", finished_at=datetime(2023, 1, 1)), answers("older", [C]))
    (row,) = fetch_task_counts(store, Selection()).to_dict("records")
    assert (row["run_id"], row["n_wrong"], row["n_other_runs"]) == ("new", 2, 2)


def test_a_quick_probe_does_not_stand_in_for_a_whole_evaluation(store: Store) -> None:
    write(store, run_info("whole", finished_at=datetime(2024, 1, 1)), answers("whole", [C] * 9))
    write(store, run_info("quick", finished_at=datetime(2025, 1, 1)), answers("quick", [W] * 2))
    (row,) = fetch_task_counts(store, Selection()).to_dict("records")
    assert (row["run_id"], row["n_other_runs"]) == ("whole", 1)
    assert set(fetch_answers(store, Selection())["run_id"]) == {"whole"}


def test_last_checkpoint_goes_before_a_newer_run_of_an_earlier_one(store: Store) -> None:
    write(
        store,
        run_info("step1000", step=1000, finished_at=datetime(2024, 1, 1)),
        answers("step1000", [C]),
    )
    write(
        store,
        run_info("step500", step=500, finished_at=datetime(2025, 1, 1)),
        answers("step500", [W]),
    )
    assert fetch_task_counts(store, Selection())["run_id"].tolist() == ["step1000"]


def test_run_with_both_splits_goes_before_a_newer_one_without(store: Store) -> None:
    write(
        store,
        run_info("both", finished_at=datetime(2024, 1, 1)),
        answers("both", [C], split=Split.ID),
        answers("both", [W], split=Split.OOD),
    )
    write(store, run_info("plain", finished_at=datetime(2025, 1, 1)), answers("plain", [C]))
    assert fetch_task_counts(store, Selection())[["run_id", "split"]].to_numpy().tolist() == [
        ["both", "id"],
        ["both", "ood"],
    ]


def test_each_task_takes_its_own_newest_run(store: Store) -> None:
    write(
        store,
        run_info("a", finished_at=datetime(2024, 1, 1)),
        answers("a", [C], task="find_minimum"),
        answers("a", [C], task="sort_numbers"),
    )
    write(
        store,
        run_info("b", finished_at=datetime(2025, 1, 1)),
        answers("b", [W], task="find_minimum"),
    )
    found = fetch_task_counts(store, Selection()).set_index("task")["run_id"].to_dict()
    assert found == {"find_minimum": "b", "sort_numbers": "a"}


def test_named_runs_are_all_counted(store: Store) -> None:
    for run_id in ("a", "b", "c"):
        write(store, run_info(run_id), answers(run_id, [C]))
    assert sorted(fetch_task_counts(store, Selection(runs=("a", "c")))["run_id"]) == ["a", "c"]


def test_answers_come_from_the_runs_that_are_counted_with_the_columns_that_were_asked_for(
    store: Store,
) -> None:
    write(store, run_info("old", step=1), answers("old", [C, C], split=Split.ID))
    write(
        store,
        run_info("new", step=2),
        answers("new", [W, None], split=Split.ID, response="7", answer_logprob=-0.5),
    )
    frame = fetch_answers(store, Selection(), columns=("response", "answer_logprob"))
    assert frame["run_id"].tolist() == ["new", "new"]
    assert frame["outcome"].astype(object).where(frame["outcome"].notna(), None).tolist() == [
        "wrong",
        None,
    ]
    assert (frame["level"].tolist(), frame["step"].tolist(), frame["response"].tolist()) == (
        [1, 1],
        [2, 2],
        ["7", "7"],
    )
    assert len(fetch_answers(store, Selection(), wanted=SampleFilter(every_run=True))) == 4
    with pytest.raises(StoreError, match="no column nonsense"):
        fetch_answers(store, Selection(), columns=("nonsense",))


def test_selection_of_models_and_tasks_narrows_both_counts_and_samples(store: Store) -> None:
    for model in ("m1", "m2", "m3"):
        write(
            store,
            run_info(model, model),
            answers(model, [C], task="find_minimum"),
            answers(model, [C] * 2, task="sort_numbers"),
        )
    chosen = Selection(models=("m1", "m3"), tasks=("sort_numbers",))
    assert fetch_task_counts(store, chosen)[["model", "task", "n_correct"]].to_numpy().tolist() == [
        ["m1", "sort_numbers", 2],
        ["m3", "sort_numbers", 2],
    ]
    assert count_samples(store, chosen, SampleFilter()) == 4


def test_alias_of_a_model_is_counted_under_its_name(store: Store) -> None:
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO model_aliases VALUES ('org/m-hf', 'm')")
    write(store, run_info("r", "org/m-hf"), answers("r", [C]))
    assert fetch_task_counts(store, Selection(models=("m",)))["run_id"].tolist() == ["r"]
    assert fetch_runs(store)[["model", "model_raw"]].to_numpy().tolist() == [["m", "org/m-hf"]]


# -- counts: levels --------------------------------------------------------------------------------


def test_level_of_the_scheme_wins_over_the_one_recorded_with_the_result(store: Store) -> None:
    write(
        store, run_info("r", level_scheme="scylla"), answers("r", [C], task="sort_numbers", level=5)
    )
    with store.cursor() as cursor:
        ((level,),) = cursor.execute(
            "SELECT level FROM task_levels WHERE scheme = 'scylla' AND task = 'sort_numbers'"
        ).fetchall()
    assert fetch_task_counts(store, Selection())["level"].tolist() == [level]


def test_recorded_level_counts_only_in_its_own_scheme(store: Store) -> None:
    write(store, run_info("r", level_scheme="steps"), answers("r", [C], task="unplaced", level=7))
    assert fetch_task_counts(store, Selection(scheme="steps"))["level"].tolist() == [7]
    assert fetch_task_counts(store, Selection())["level"].isna().all()


def test_task_of_role_probe_without_a_level_in_the_scheme_has_none_and_keeps_its_role(
    store: Store,
) -> None:
    with store.transaction() as cursor:
        cursor.execute("INSERT INTO task_levels VALUES ('scylla', 'wandering', NULL, 'probe')")
    write(store, run_info("r", level_scheme="scylla"), answers("r", [C], task="wandering", level=2))
    (row,) = fetch_task_counts(store, Selection()).to_dict("records")
    assert row["role"] == "probe"
    assert pd.isna(row["level"])
    assert row["level_label"] is None


# -- aggregates standing in ------------------------------------------------------------------------


def accuracy(run_id: str, value: float, n: int | None, **facts: Any) -> Score:
    return Score(
        run_id=run_id,
        metric="accuracy",
        value=value,
        value01=value,
        n=n,
        **({"task": "sort_numbers", "split": Split.ID} | facts),
    )


def test_aggregate_with_its_n_stands_in_for_samples(store: Store) -> None:
    write(
        store, run_info("r"), [accuracy("r", 0.75, 256), accuracy("r", 0.5, 256, split=Split.OOD)]
    )
    frame = fetch_task_counts(store, Selection())
    assert frame[["split", "n_correct", "n_wrong", "n_unparsed", "source"]].to_numpy().tolist() == [
        ["id", 192, 64, 0, "aggregates"],
        ["ood", 128, 128, 0, "aggregates"],
    ]


@pytest.mark.parametrize(
    "score",
    [
        accuracy("r", 0.75, None),
        accuracy("r", 0.7512, 256),  # no whole number of correct answers gives it
        accuracy("r", 0.75, 256, is_group=True),
        accuracy("r", 0.75, 256, flag="shots_mislabelled"),
        accuracy("r", 0.75, 256, subset="hard"),
        accuracy("r", 0.75, 256, task=None, level=2),
        Score(
            run_id="r",
            metric="bleu",
            value=0.75,
            value01=0.75,
            n=256,
            task="sort_numbers",
            split=Split.ID,
        ),
    ],
    ids=["no n", "no whole count", "group", "flagged", "subset", "level mean", "not an accuracy"],
)
def test_aggregate_that_is_no_count_of_answers_does_not_stand_in(
    store: Store, score: Score
) -> None:
    write(store, run_info("r"), [score])
    assert fetch_task_counts(store, Selection()).empty


def test_samples_go_before_aggregates_of_the_same_run(store: Store) -> None:
    write(
        store,
        run_info("r"),
        answers("r", [C, W], task="sort_numbers", split=Split.ID),
        [accuracy("r", 0.75, 256)],
    )
    (row,) = fetch_task_counts(store, Selection()).to_dict("records")
    assert (row["n_correct"], row["n_wrong"], row["source"]) == (1, 1, "samples")


def test_published_levels_come_with_their_label_scheme_and_source(store: Store) -> None:
    write(
        store,
        run_info("r", level_scheme="scylla", source_path="table2.csv"),
        [
            Score(
                run_id="r",
                metric="generalization_score",
                value=0.75,
                level=3,
                metadata={"sd": 0.05, "n_tasks": 4, "n_per_task": 256},
            )
        ],
    )
    (row,) = fetch_level_scores(store, Selection()).to_dict("records")
    assert (
        row["level"],
        row["level_label"],
        row["value"],
        row["sd"],
        row["n_tasks"],
        row["n_per_task"],
        row["source"],
    ) == (
        3,
        "O([N^2,N^3])",
        0.75,
        0.05,
        4,
        256,
        "table2.csv",
    )
    assert fetch_level_scores(store, Selection(scheme="steps")).empty


def test_scores_are_given_as_their_source_states_them(store: Store) -> None:
    score = Score(
        run_id="r",
        metric="f1",
        value=63.5,
        scale="0-100",
        value01=0.635,
        task="t",
        variant="flex",
        flag="odd",
        stderr=1.5,
        stderr_kind="reported",
    )
    write(store, run_info("r", step=10), [score])
    (row,) = fetch_scores(store, Selection()).to_dict("records")
    assert {
        name: row[name]
        for name in (
            "metric",
            "value",
            "scale",
            "value01",
            "variant",
            "flag",
            "stderr",
            "stderr_kind",
            "step",
        )
    } == {
        "metric": "f1",
        "value": 63.5,
        "scale": "0-100",
        "value01": 0.635,
        "variant": "flex",
        "flag": "odd",
        "stderr": 1.5,
        "stderr_kind": "reported",
        "step": 10,
    }


# -- samples: which --------------------------------------------------------------------------------


@pytest.fixture
def many(store: Store) -> Store:
    """Two runs of one model each; scores, lengths and times that tie, are missing, and differ."""
    rows = [
        ScoredSample(
            run_id=run_id,
            task="sort_numbers" if i % 2 else "find_minimum",
            instance_id=f"i{i}",
            split=Split.ID if i % 3 else Split.OOD,
            outcome=[C, W, U, E, None][i % 5],
            score=[1.0, 0.0, None, 0.5][i % 4],
            answer_logprob=None if i % 7 == 0 else -float(i % 6),
            input=f"Question {i}",
            response=None if i % 11 == 0 else "ab" * (i % 9),
            parsed_answer=f"[{i}]",
            duration_s=None if i % 13 == 0 else i % 5 / 10,
        )
        for run_id in ("a", "b")
        for i in range(60)
    ]
    for run_id, model in (("a", "m1"), ("b", "m2")):
        write(store, run_info(run_id, model), [row for row in rows if row.run_id == run_id])
    return store


@pytest.mark.parametrize(
    ("wanted", "n"),
    [
        (SampleFilter(), 120),
        (SampleFilter(split=Split.OOD), 40),
        (SampleFilter(outcome=W), 24),
        (SampleFilter(split=Split.ID, outcome=W), 16),
        (SampleFilter(level=1), 60),
        (SampleFilter(level=5), 0),
        (SampleFilter(text="QUESTION 12"), 2),
        (SampleFilter(text="[12]"), 2),
        (SampleFilter(text="ababababababababa"), 0),
        (SampleFilter(text="no such words"), 0),
        (SampleFilter(text="%"), 0),
        (SampleFilter(text="'; DROP TABLE samples; --"), 0),
    ],
    ids=str,
)
def test_filters_and_their_counts_agree_with_the_list(
    many: Store, wanted: SampleFilter, n: int
) -> None:
    assert count_samples(many, Selection(), wanted) == n
    assert len(fetch_sample_page(many, Selection(), wanted, page_size=500)) == n


def test_further_readings_are_listed_only_on_demand(store: Store) -> None:
    write(
        store,
        run_info("r"),
        answers("r", [C, W], variant="strict"),
        answers("r", [C, C], variant="flexible"),
    )
    assert count_samples(store, Selection(), SampleFilter()) == 2
    frame = fetch_sample_page(store, Selection(), SampleFilter(primary_only=False))
    assert frame["variant"].tolist() == ["strict", "strict", "flexible", "flexible"]


def test_samples_of_a_run_that_the_counts_leave_out_are_listed_only_on_demand(store: Store) -> None:
    write(
        store,
        run_info("old", finished_at=datetime(2024, 1, 1)),
        answers("old", [C] * 2),
        answers("old", [W], task="only_old"),
    )
    write(store, run_info("new", finished_at=datetime(2025, 1, 1)), answers("new", [W] * 2))
    listed = fetch_sample_page(store, Selection(), SampleFilter())
    assert listed.groupby(["run_id", "task"]).size().to_dict() == {
        ("new", "find_minimum"): 2,
        ("old", "only_old"): 1,
    }
    assert count_samples(store, Selection(), SampleFilter()) == 3
    assert count_samples(store, Selection(), SampleFilter(every_run=True)) == 5
    assert count_samples(store, Selection(runs=("old",)), SampleFilter()) == 3


def test_list_of_samples_has_as_many_of_each_outcome_as_the_counts_say(store: Store) -> None:
    for i, (splits, date, step) in enumerate(
        [
            ((None,), 2025, None),
            (tuple(Split), 2023, 5),
            (tuple(Split), 2024, 3),
            ((Split.ID,), 2026, None),
        ]
    ):
        batches = [answers(f"r{i}", [C] * (i + 1) + [W] * (7 - i), split=split) for split in splits]
        write(store, run_info(f"r{i}", step=step, finished_at=datetime(date, 1, 1)), *batches)
    counts = fetch_task_counts(store, Selection())
    assert counts["run_id"].unique().tolist() == ["r1"]
    assert (
        count_samples(store, Selection(), SampleFilter(outcome=C)) == counts["n_correct"].sum() == 4
    )
    assert (
        count_samples(store, Selection(), SampleFilter(outcome=W)) == counts["n_wrong"].sum() == 12
    )


# -- samples: order, pages, neighbours -------------------------------------------------------------


@pytest.mark.parametrize("sort", SORTS)
def test_pages_put_together_are_the_whole_list_in_order(many: Store, sort: str) -> None:
    whole = fetch_sample_page(many, Selection(), SampleFilter(), sort=sort, page_size=1000)
    pages = [
        fetch_sample_page(many, Selection(), SampleFilter(), sort=sort, page=page, page_size=17)
        for page in range(9)
    ]
    assert [len(page) for page in pages] == [17] * 7 + [1, 0]
    assert [address for page in pages for address in addresses(page)] == addresses(whole)
    assert len(set(addresses(whole))) == 120


@pytest.mark.parametrize(
    ("sort", "column", "ascending"),
    [
        ("lowest score", "score", True),
        ("least likely answer", "answer_logprob", True),
        ("slowest", "duration_s", False),
    ],
)
def test_sort_puts_missing_numbers_last_and_ties_in_run_order(
    many: Store, sort: str, column: str, ascending: bool
) -> None:
    frame = fetch_sample_page(many, Selection(), SampleFilter(), sort=sort, page_size=1000)
    expected = frame.sort_values(["run_id", "row_in_run"]).sort_values(
        column, ascending=ascending, kind="stable", na_position="last"
    )
    assert addresses(frame) == addresses(expected)


def test_longest_response_comes_first(many: Store) -> None:
    frame = fetch_sample_page(
        many, Selection(), SampleFilter(), sort="longest response", page_size=1000
    )
    lengths = frame["response"].str.len()
    assert lengths.dropna().is_monotonic_decreasing
    assert lengths.isna().to_numpy()[-12:].all()


def test_unknown_sort_is_refused_with_the_possible_ones(many: Store) -> None:
    with pytest.raises(StoreError, match=r"'beauty'.*run order, lowest score"):
        fetch_sample_page(many, Selection(), SampleFilter(), sort="beauty")
    with pytest.raises(StoreError, match="'beauty'"):
        fetch_neighbours(many, Selection(), SampleFilter(), "a", 0, sort="beauty")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    "wanted",
    [SampleFilter(), SampleFilter(split=Split.OOD), SampleFilter(outcome=W)],
    ids=["all", "ood", "wrong"],
)
def test_walking_by_neighbours_visits_the_list_in_its_order(
    many: Store, sort: str, wanted: SampleFilter
) -> None:
    listed = addresses(fetch_sample_page(many, Selection(), wanted, sort=sort, page_size=1000))
    for i in range(0, len(listed), 5):
        before, after = fetch_neighbours(many, Selection(), wanted, *listed[i], sort=sort)
        assert before == (listed[i - 1] if i else None)
        assert after == (listed[i + 1] if i + 1 < len(listed) else None)


def test_neighbours_of_a_sample_outside_the_filter_are_the_nearest_that_match(many: Store) -> None:
    before, after = fetch_neighbours(
        many, Selection(models=("m1",)), SampleFilter(outcome=W), "a", 2
    )
    assert (before, after) == (("a", 1), ("a", 6))


def test_sample_page_cuts_long_responses_and_the_sample_itself_is_whole(store: Store) -> None:
    text = "x" * 5_000_000
    write(
        store,
        run_info("r"),
        [
            ScoredSample(
                run_id="r",
                task="t",
                instance_id="1",
                response=text,
                token_logprobs=(-0.5, -1.25),
                metrics={"f1": 0.5},
            )
        ],
    )
    assert fetch_sample_page(store, Selection(), SampleFilter())["response"][0] == "x" * 200
    sample = fetch_sample(store, "r", 0)
    assert sample["response"] == text
    assert list(sample["token_logprobs"]) == [-0.5, -1.25]
    assert sample["metrics"] == '{"f1": 0.5}'
    assert sample["outcome"] is None


def test_level_of_a_sample_is_that_of_the_scheme_asked_for(store: Store) -> None:
    write(
        store, run_info("r", level_scheme="steps"), answers("r", [C], task="find_minimum", level=7)
    )
    assert fetch_sample(store, "r", 0)["level"] == 1
    assert fetch_sample(store, "r", 0, scheme="steps")["level"] == 7
    assert fetch_sample(store, "r", 0, scheme="other")["level"] is None


@pytest.mark.parametrize(("run_id", "row"), [("r", 1), ("nobody", 0), ("r", -1)])
def test_sample_that_is_not_there_is_said_so(store: Store, run_id: str, row: int) -> None:
    write(store, run_info("r"), answers("r", [C]))
    with pytest.raises(StoreError, match=f"No sample {row} of run '{run_id}'"):
        fetch_sample(store, run_id, row)


# -- what is here ----------------------------------------------------------------------------------


def test_store_info_counts_what_was_measured_and_not_the_catalog(store: Store) -> None:
    assert {
        k: fetch_store_info(store)[k]
        for k in ("models", "tasks", "runs", "samples", "newest_import_at")
    } == {
        "models": 0,
        "tasks": 0,
        "runs": 0,
        "samples": 0,
        "newest_import_at": None,
    }
    write(
        store,
        run_info("r"),
        answers("r", [C, W]),
        [Score(run_id="r", metric="accuracy", value=0.5, task="other")],
    )
    info = fetch_store_info(store)
    assert (info["models"], info["tasks"], info["runs"], info["samples"], info["scores"]) == (
        1,
        2,
        1,
        2,
        1,
    )
    assert info["version"] == store.version
    assert info["n_bytes"] > 0


def test_models_and_tasks_are_listed_with_how_much_there_is_of_each(store: Store) -> None:
    write(
        store,
        run_info("r1", "m1"),
        answers("r1", [C, W, None], variant="strict"),
        answers("r1", [C, W, C], variant="flexible"),
    )
    write(
        store,
        run_info("r2", "m1"),
        [Score(run_id="r2", metric="accuracy", value=0.5, task="sort_numbers")],
    )
    (model,) = fetch_models(store).to_dict("records")
    assert [
        model[n] for n in ("model", "n_runs", "n_samples", "n_scores", "n_tasks", "formats")
    ] == ["m1", 2, 3, 1, 2, "test"]
    tasks = fetch_tasks(store).set_index("task")
    assert tasks.loc["find_minimum", ["label", "n_samples", "n_models"]].tolist() == [
        "Find minimum",
        3,
        1,
    ]
    assert tasks.loc["sort_numbers", ["n_samples", "n_models"]].tolist() == [0, 1]


def test_schemes_are_those_of_the_catalog_and_of_the_runs(store: Store) -> None:
    write(store, run_info("r", level_scheme="steps"), answers("r", [C], level=1))
    assert fetch_schemes(store).set_index("scheme")["n_levels"].to_dict() == {
        "scylla": 5,
        "steps": 0,
    }
    assert fetch_levels(store, "scylla")["level"].tolist() == [1, 2, 3, 4, 5]
    assert list(fetch_levels(store, "steps").columns) == ["level", "label", "note"]


def test_run_is_given_with_everything_its_source_said(store: Store) -> None:
    run = run_info(
        "r",
        "m",
        status=RunStatus.PARTIAL,
        seeds={"random": 1},
        generation={"temperature": 0.5},
        metadata={"who": "me"},
        warnings=("half",),
    )
    write(store, run)
    found = fetch_run(store, "r")
    assert (
        found["status"],
        found["seeds"],
        found["generation"],
        found["warnings"],
        found["step"],
    ) == (
        "partial",
        '{"random": 1}',
        '{"temperature": 0.5}',
        '["half"]',
        None,
    )
    assert fetch_runs(store)["status"].tolist() == ["partial"]
    with pytest.raises(StoreError, match="No run 'x'"):
        fetch_run(store, "x")


def test_runs_are_listed_newest_first_with_their_outcomes(store: Store) -> None:
    write(store, run_info("r1"), answers("r1", [C, W, U, E, None]))
    write(store, run_info("r2"))
    frame = fetch_runs(store)
    assert frame["run_id"].tolist() == ["r2", "r1"]
    assert frame[
        ["n_samples", "n_correct", "n_wrong", "n_unparsed", "n_error"]
    ].to_numpy().tolist() == [[0] * 5, [5, 1, 1, 1, 1]]


def test_removed_run_is_gone_from_every_answer(store: Store) -> None:
    write(store, run_info("a"), answers("a", [C]), [accuracy("a", 0.75, 256)])
    write(store, run_info("b"), answers("b", [W]))
    with store.transaction() as cursor:
        assert remove_runs(cursor, ["a", "never there"]) == 1
    assert fetch_runs(store)["run_id"].tolist() == ["b"]
    assert fetch_scores(store, Selection()).empty
    assert addresses(fetch_sample_page(store, Selection(), SampleFilter(every_run=True))) == [
        ("b", 0)
    ]
    assert fetch_imports(store).empty
    assert fetch_rejects(store).empty
    with pytest.raises(StoreError):
        fetch_sample(store, "a", 0)


def test_run_written_again_replaces_itself(store: Store) -> None:
    write(store, run_info("r"), answers("r", [C] * 5))
    write(store, replace(run_info("r"), benchmark="b"), answers("r", [W] * 2))
    assert fetch_runs(store)[["benchmark", "n_samples", "n_wrong"]].to_numpy().tolist() == [
        ["b", 2, 2]
    ]


def test_run_that_goes_on_keeps_its_rows_numbered_and_its_primary_reading(store: Store) -> None:
    write(store, run_info("r"), answers("r", [C, W], variant="v1"))
    with writing(store) as writer:
        writer.continue_run("r")
        writer.add_samples(answers("r", [C], variant="v1"))
        writer.add_samples(answers("r", [U], variant="v2"))
    frame = fetch_sample_page(store, Selection(), SampleFilter(primary_only=False))
    assert frame["row_in_run"].tolist() == [0, 1, 2, 3]
    assert fetch_task_counts(store, Selection())[
        ["n_correct", "n_wrong", "n_unparsed"]
    ].to_numpy().tolist() == [[2, 1, 0]]


# -- kinds of OOD instances ------------------------------------------------------------------------


def of_kind(kind: str, **facts: Any) -> dict[str, Any]:
    return {"metadata": {"ood_kind": kind, "ood_label": f"what {kind} means"}, **facts}


@pytest.fixture
def two_kinds(store: Store) -> Store:
    """One model: the main run is the newest, an older one has another kind twice, and a second
    model says nothing about kinds.
    """
    for run_id, kind, year, right in (
        ("old decade", "decade", 2022, 1),
        ("decade", "decade", 2023, 2),
        ("main", "scatter", 2025, 3),
    ):
        rows = [answers(run_id, [C] * right + [W] * (4 - right), split=split) for split in Split]
        write(store, run_info(run_id, **of_kind(kind, finished_at=datetime(year, 1, 1))), *rows)
    write(
        store,
        run_info("plain", model="other"),
        answers("plain", [C], split=Split.ID),
        answers("plain", [W], split=Split.OOD),
    )
    return store


def test_without_a_kind_every_models_main_run_counts(two_kinds: Store) -> None:
    assert set(fetch_task_counts(two_kinds, Selection())["run_id"]) == {"main", "plain"}
    assert count_samples(two_kinds, Selection(), SampleFilter()) == 8 + 2


@pytest.mark.parametrize(
    ("kind", "run", "right"), [("decade", "decade", 2), ("scatter", "main", 3)]
)
def test_a_kind_takes_the_newest_run_of_that_kind(
    two_kinds: Store, kind: str, run: str, right: int
) -> None:
    chosen = Selection(ood=kind)
    counts = fetch_task_counts(two_kinds, chosen)
    assert set(counts["run_id"]) == {run} and counts["n_correct"].tolist() == [right, right]
    assert count_samples(two_kinds, chosen, SampleFilter()) == 8
    assert set(fetch_answers(two_kinds, chosen)["run_id"]) == {run}
    assert set(fetch_sample_page(two_kinds, chosen, SampleFilter())["run_id"]) == {run}


def test_an_unknown_kind_has_no_results(two_kinds: Store) -> None:
    assert fetch_task_counts(two_kinds, Selection(ood="nothing")).empty
    assert count_samples(two_kinds, Selection(ood="nothing"), SampleFilter(every_run=True)) == 0


def test_kinds_are_listed_with_their_meaning(two_kinds: Store) -> None:
    found = fetch_ood_kinds(two_kinds)
    assert found.to_dict("records") == [
        {"ood": "decade", "label": "what decade means", "n_runs": 2, "n_models": 1},
        {"ood": "scatter", "label": "what scatter means", "n_runs": 1, "n_models": 1},
    ]
