"""Scores over scale from the store: own and derived scales, last checkpoints, losses, what answers
give.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from analysis.what_if.metrics import own_tokens, token_accuracy
from data.bootstrap import open_store
from data.queries import (
    fetch_metric_correlations,
    fetch_scale_metrics,
    fetch_scale_values,
    fetch_scales,
)
from data.records import Outcome, RunInfo, Score, ScoredSample, Selection, Split, StoreError
from data.store import Store
from data.views import read_example_views
from data.writer import writing

ANSWERS = ((" 02 48$", " 02 47$"), ("[1, 2.0, 3]", "1 2 4"), ("yes", "no yes"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("scales") / "store", empty=True)
    with writing(opened) as writer:
        for step, kind in ((10, "scatter"), (20, "scatter"), (20, "decade")):
            run = f"run-{step}-{kind}"
            writer.add_run(
                RunInfo(
                    run_id=run,
                    model_raw="tiny",
                    format="probe",
                    step=step,
                    n_params=100,
                    train_tokens=50.0 * step,
                    metadata={"family": "f", "ood_kind": kind, "answer_loss": 3.0 - 0.05 * step},
                )
            )
            writer.add_samples(
                [
                    ScoredSample(
                        run_id=run,
                        task="sort_numbers",
                        instance_id=str(place),
                        split=Split.ID,
                        outcome=Outcome.WRONG,
                        score=0.0,
                        target=target,
                        response=response,
                        answer_logprob=-1.0 - place,
                    )
                    for place, (target, response) in enumerate(ANSWERS)
                ]
            )
        writer.add_run(RunInfo(run_id="stated", model_raw="big", format="table", n_params=1000))
        writer.add_scores(
            [
                Score(
                    run_id="stated",
                    metric="ppl",
                    value=10.0,
                    task="lambada",
                    scale="raw",
                    higher_is_better=False,
                ),
                Score(
                    run_id="stated",
                    metric="acc",
                    value=40.0,
                    value01=0.4,
                    task="arc",
                    scale="0-100",
                    stderr=2.0,
                    n_shot=5,
                ),
            ]
        )
    yield opened
    opened.close()


def test_scales_are_the_runs_own_and_flops_say_that_they_are_derived(store: Store) -> None:
    frame = fetch_scales(store, Selection()).set_index("run_id")
    assert "run-20-decade" not in frame.index  # most runs of the model are on scatter
    assert frame["is_last"].to_dict() == {
        "run-10-scatter": False,
        "run-20-scatter": True,
        "stated": True,
    }
    assert frame.loc["run-20-scatter", "train_flops"] == 6 * 100 * 1000
    assert frame.loc["run-20-scatter", "flops_source"] == "6 x parameters x tokens"
    assert frame.loc["run-20-scatter", ["loss", "loss_name"]].tolist() == [
        pytest.approx(2.0),
        "answer loss",
    ]
    assert frame.loc["stated", ["loss", "loss_name"]].tolist() == [
        pytest.approx(2.302585),
        "ln ppl of lambada",
    ]


def test_a_chosen_ood_kind_wins(store: Store) -> None:
    assert set(fetch_scales(store, Selection(ood="decade"))["run_id"]) == {"run-20-decade"}


def test_token_accuracy_in_sql_is_that_of_the_analysis(store: Store) -> None:
    frame = fetch_scale_values(store, Selection(), "token_accuracy").set_index("run_id")
    of_task = fetch_scale_values(
        store, Selection(tasks=("sort_numbers",)), "token_accuracy"
    ).set_index("run_id")
    assert (
        of_task.equals(frame)
        and fetch_scale_values(store, Selection(tasks=("two_sum",)), "token_accuracy").empty
    )
    by_hand = [
        token_accuracy(own_tokens(response, target), own_tokens(target, target))
        for target, response in ANSWERS
    ]
    assert frame.loc["run-20-scatter", "value"] == pytest.approx(sum(by_hand) / 3)
    assert by_hand == [0.8, 2 / 3, 0.0]


def test_log_probabilities_come_with_their_standard_error_and_counts_without_a_value(
    store: Store,
) -> None:
    frame = fetch_scale_values(store, Selection(), "answer_logprob").set_index("run_id")
    assert frame.loc["run-10-scatter", ["value", "n"]].tolist() == [-2.0, 3.0]
    assert frame.loc["run-10-scatter", "se"] == pytest.approx(1 / 3**0.5)
    counted = fetch_scale_values(store, Selection(), "accuracy").set_index("run_id")
    assert counted.loc["run-10-scatter", ["n_correct", "n_wrong"]].tolist() == [0, 3]


def test_stated_scores_are_shares_with_their_reading(store: Store) -> None:
    (row,) = fetch_scale_values(store, Selection(), "acc").to_dict("records")
    assert (row["value"], row["se"], row["reading"], row["is_share"]) == (0.4, 0.02, "5-shot", True)
    assert fetch_scale_values(store, Selection(), "acc", reading="0-shot").empty
    with pytest.raises(StoreError, match="Name a metric"):
        fetch_scale_values(store, Selection(), "")


def test_what_can_be_put_over_scale_is_listed(store: Store) -> None:
    frame = fetch_scale_metrics(store).set_index("metric")
    assert set(frame.index) == {"accuracy", "answer_logprob", "token_accuracy", "ppl", "acc"}
    assert not frame.loc["ppl", "higher_is_better"]


def test_example_views_are_whole_and_name_pages_that_exist() -> None:
    views = read_example_views()
    root = Path(__file__).resolve().parents[2]
    assert any("badlr" in model for view in views for model in view.models)
    assert all(
        (root / "pages" / view.page / "page.py").is_file() and view.note.endswith((".", ")"))
        for view in views
    )


def test_how_two_metrics_go_together_is_read_answer_by_answer(store: Store) -> None:
    frame = fetch_metric_correlations(
        store, Selection(), "answer_logprob", "token_accuracy"
    ).set_index("run_id")
    shares = [
        token_accuracy(own_tokens(response, target), own_tokens(target, target))
        for target, response in ANSWERS
    ]
    assert frame.loc["run-20-scatter", "correlation"] == pytest.approx(
        np.corrcoef([-1, -2, -3], shares)[0, 1]
    )
    assert frame["n"].tolist() == [3, 3]
    wrong = fetch_metric_correlations(store, Selection(), "accuracy", "answer_logprob")
    assert (
        wrong["correlation"].isna().all() and len(wrong) == 2
    )  # nothing is right: there is nothing to go together
    assert fetch_metric_correlations(store, Selection(), "acc", "answer_logprob").empty
