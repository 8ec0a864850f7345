"""What-if and multiverse on counts worked by hand: two models, two levels, three tasks, four
answers per cell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.what_if.aggregation import Averaging, ScoreOrder
from analysis.what_if.conclusions import Conclusion, Kind, read_conclusion
from analysis.what_if.evaluating import Choice, Quantity, compare_with_paper, evaluate
from analysis.what_if.fewer_samples import smaller_test, subsample
from analysis.what_if.metric_list import metric_named
from analysis.what_if.multiverse import multiverse
from analysis.what_if.published_cells import cells_of_published, join_cells
from analysis.what_if.scoring import Cells, reduce_samples
from analysis.what_if.sentences import multiverse_sentence, sentence
from analysis.what_if.target_length import REASON_ZERO, target_length_table
from data.records import Denominator, NotEnoughDataError

RIGHT = {
    "A": {"t1": (4, 2), "t2": (2, 1), "t3": (1, 0)},
    "B": {"t1": (3, 3), "t2": (1, 1), "t3": (0, 0)},
}
"""Right answers of 4, (ID, OOD). t1 and t2 stand at level 1, t3 at level 2."""
LEVEL = {"t1": 1, "t2": 1, "t3": 2}


def samples(right: dict[str, dict[str, tuple[int, int]]] = RIGHT, **more: Any) -> pd.DataFrame:
    rows = [
        {
            "model": model,
            "run_id": f"run {model}",
            "task": task,
            "level": LEVEL[task],
            "level_label": f"L{LEVEL[task]}",
            "role": "anchor",
            "split": split,
            "instance_id": f"{task} {split} {place}",
            "epoch": 1,
            "outcome": "correct" if place < k else "wrong",
            "target": " 12$",
            "response": " 12$" if place < k else " 13$",
            "parsed_answer": "12",
            "answer_logprob": -0.3 if place < k else -3.0,
            "choice_logprobs": None,
        }
        for model, tasks in right.items()
        for task, counts in tasks.items()
        for split, k in zip(("id", "ood"), counts, strict=True)
        for place in range(4)
    ]
    return pd.DataFrame(rows).astype({"level": "Int16"}).assign(**more)


@pytest.fixture(scope="module")
def cells() -> Cells:
    return reduce_samples(samples())


def value(cells: Cells, model: str, **choice: Any) -> float:
    found = evaluate(cells, Choice(**choice), resamples=20)
    return float(found.values[cells.models.index(model)])


@pytest.mark.parametrize(
    ("choice", "a", "b"),
    [
        # S per task: A: t1 .5-.5=0, t2 .25-.25=0, t3 0-.25; B: .75, .25, 0. Levels: A (0, -.25), B
        # (.5, 0).
        ({}, -0.125, 0.25),
        ({"averaging": Averaging.TASKS}, -0.25 / 3, 1 / 3),
        ({"averaging": Averaging.SAMPLES}, -0.25 / 3, 1 / 3),
        ({"penalty": 0.0}, (0.375 + 0) / 2, 0.25),
        ({"penalty": 2.0}, (-0.375 - 0.5) / 2, 0.25),
        ({"weights": (1.0, 3.0)}, -0.1875, 0.125),
        ({"quantity": Quantity.ID}, (0.75 + 0.25) / 2, (0.5 + 0) / 2),
        ({"quantity": Quantity.OOD}, 0.1875, 0.25),
        ({"quantity": Quantity.GAP}, (0.375 + 0.25) / 2, 0.0),
        ({"quantity": Quantity.ALL, "averaging": Averaging.SAMPLES}, 10 / 24, 8 / 24),
        # " 12$" against " 13$": one of the three tokens " 1", "2", "$" differs.
        ({"metric": "edit_distance", "quantity": Quantity.ID}, 0.5 / 3, 0.75 / 3),
        ({"metric": "token_accuracy", "quantity": Quantity.ID}, 1 - 0.5 / 3, 1 - 0.75 / 3),
        (
            {"metric": "answer_logprob", "quantity": Quantity.ID},
            -0.3 - 2.7 * 0.5,
            -0.3 - 2.7 * 0.75,
        ),
        (
            {"metric": "token_probability>=0.5", "quantity": Quantity.ID},
            0.5,
            0.25,
        ),  # exp(-.1) and exp(-1)
    ],
)
def test_every_choice_gives_the_number_worked_by_hand(
    cells: Cells, choice: dict[str, Any], a: float, b: float
) -> None:
    assert value(cells, "A", **choice) == pytest.approx(a)
    assert value(cells, "B", **choice) == pytest.approx(b)


def test_the_score_of_level_means_lets_gains_and_losses_cancel() -> None:
    """ID .5, OOD 1 and ID 1, OOD .5: S per task is 1 and 0, of the means .75."""
    cells = reduce_samples(samples({"A": {"t1": (2, 4), "t2": (4, 2)}}))
    assert value(cells, "A") == pytest.approx(0.5)
    assert value(cells, "A", order=ScoreOrder.LEVEL_MEANS) == pytest.approx(0.75)


def test_denominators_and_the_authors_cliff() -> None:
    frame = samples({"A": {"t1": (2, 2)}})
    frame.loc[frame["split"].eq("id") & frame["outcome"].eq("wrong"), "outcome"] = "unparsed"
    frame.loc[frame["split"].eq("ood"), "outcome"] = ["unparsed"] * 3 + ["error"]
    cells = reduce_samples(frame)
    for denominator, seen in (
        (Denominator.UNPARSED_IS_WRONG, 0.5),
        (Denominator.PARSED_ONLY, 1.0),
        (Denominator.AUTHORS, 1.0),
    ):
        assert value(cells, "A", denominator=denominator, quantity=Quantity.ID) == pytest.approx(
            seen
        )
    assert value(cells, "A", denominator=Denominator.UNPARSED_IS_WRONG, quantity=Quantity.OOD) == 0
    assert np.isnan(value(cells, "A", denominator=Denominator.PARSED_ONLY, quantity=Quantity.OOD))
    assert value(cells, "A", denominator=Denominator.AUTHORS, quantity=Quantity.OOD) == 0
    found = evaluate(cells, Choice(metric="answer_logprob", quantity=Quantity.OOD), resamples=20)
    assert "no worst value" in found.reasons["A"]


def test_ranks_and_the_sentence(cells: Cells) -> None:
    found = compare_with_paper(cells, Choice(quantity=Quantity.ID))
    assert found.is_paper and found.n_changed == 0 and "paper's definition" in sentence(found)
    # By S B leads (.25 to -.125); with penalty 0, A .1875 and B .25; by ID values A leads.
    flipped = compare_with_paper(
        cells, Choice(metric="edit_distance", penalty=0.0, weights=(1.0, 0.0))
    )
    assert dict(zip(flipped.ranks["model"], flipped.ranks["paper_rank"], strict=True)) == {
        "B": 1,
        "A": 2,
    }
    assert sentence(flipped).startswith(
        "With token edit distance, level weights 1 : 0 and penalty 0 instead of the paper's"
        " definition, "
    )


def test_ties_share_the_best_rank() -> None:
    twins = reduce_samples(samples({"A": RIGHT["A"], "B": RIGHT["A"]}))
    found = compare_with_paper(twins, Choice(penalty=2.0))
    assert found.ranks["rank"].tolist() == [1, 1] and found.n_changed == 0 and not found.overtakes


@pytest.mark.parametrize(
    "right", [{"t1": (0, 0), "t3": (0, 0)}, {"t1": (4, 4), "t3": (4, 4)}], ids=["none", "all"]
)
def test_none_and_all_right_keep_an_interval(right: dict[str, tuple[int, int]]) -> None:
    found = evaluate(reduce_samples(samples({"A": right})), Choice(quantity=Quantity.OOD))
    assert found.critical["A"] is None
    assert 0.05 < found.hi[0] - found.lo[0] < 0.9


def test_one_split_has_values_and_no_score() -> None:
    frame = samples()
    cells = reduce_samples(frame[frame["split"] == "id"])
    assert value(cells, "A", quantity=Quantity.ID) == pytest.approx(0.5)
    what_if = compare_with_paper(cells, Choice(penalty=0.0))
    assert what_if.n_ranked == 0 and "No model here can be ranked" in sentence(what_if)
    assert "splits" in what_if.ranks["reason"].iloc[0]


def test_no_level_and_no_split_still_rank_over_all_answers() -> None:
    cells = reduce_samples(
        samples(level=pd.NA, level_label=None, split=None).astype({"level": "Int16"})
    )
    assert dict(cells.level_labels) == {0: "all tasks"}
    assert value(cells, "A", quantity=Quantity.ALL) == pytest.approx(10 / 24)


def test_what_a_metric_lacks_is_said_with_what_would_record_it(cells: Cells) -> None:
    assert "lm-eval --log_samples" in cells.lacking["brier", "A"]
    assert "brier" not in cells.available()
    with pytest.raises(NotEnoughDataError, match="There is no metric 'bleu'"):
        metric_named("bleu")
    with pytest.raises(NotEnoughDataError, match="2 levels"):
        evaluate(cells, Choice(weights=(1.0,)))


def test_pass_at_k_from_epochs() -> None:
    """One instance answered 4 times, 2 right: pass@1 1/2, pass@2 1 - 1/6."""
    cells = reduce_samples(samples({"A": {"t1": (2, 2)}}, instance_id="x"))
    assert value(cells, "A", metric="pass@1", quantity=Quantity.ID) == pytest.approx(0.5)
    assert value(cells, "A", metric="pass@2", quantity=Quantity.ID) == pytest.approx(5 / 6)


@pytest.mark.parametrize(("n_right", "expected"), [(0, 0.0), (1, 1.0), (5, 1.0)])
def test_pass_at_as_many_answers_as_there_are(n_right: int, expected: float) -> None:
    """One instance answered 5 times: the only draw of 5 holds all answers."""
    five = pd.concat([samples({"A": {"t1": (4, 0)}})[lambda frame: frame["split"] == "id"]] * 2)
    five = five.head(5).assign(instance_id="x", epoch=range(5))
    five["outcome"] = ["correct"] * n_right + ["wrong"] * (5 - n_right)
    cells = reduce_samples(five)
    assert value(cells, "A", metric="pass@5", quantity=Quantity.ID) == expected


def test_choices_chance_and_the_authors_grader() -> None:
    logs = [np.log([0.5, 0.3, 0.2])] * 8
    frame = samples(
        {"A": {"t1": (4, 2)}},
        choice_logprobs=pd.Series(logs),
        answer_logprob=np.log(0.3),
        authors_outcome="wrong",
    )
    cells = reduce_samples(frame, chance={("run A", "t1"): 0.5})
    assert value(cells, "A", metric="brier", quantity=Quantity.ID) == pytest.approx(
        0.25 + 0.49 + 0.04
    )
    assert value(cells, "A", metric="choice_grade", quantity=Quantity.ID) == 0
    assert value(cells, "A", metric="choice_probability", quantity=Quantity.ID) == pytest.approx(
        0.3
    )
    assert value(cells, "A", metric="chance_corrected", quantity=Quantity.OOD) == pytest.approx(0.0)
    assert value(cells, "A", metric="authors_grader", quantity=Quantity.ID) == 0


# -- multiverse ------------------------------------------------------------------------------------


def test_the_share_equals_evaluating_each_specification_alone(cells: Cells) -> None:
    found = multiverse(
        cells, Conclusion(kind=Kind.ABOVE, first="B", second="A", quantity=Quantity.SCORE)
    )
    assert (found.n, found.n_computable) == (
        len(found.dimensions[0].options) * 3 * 5 * 2 * 4,
        13 * 120,
    )
    ways = [
        (Averaging.LEVELS, ()),
        (Averaging.TASKS, ()),
        (Averaging.SAMPLES, ()),
        (Averaging.LEVELS, (1, 0)),
        (Averaging.LEVELS, (1, 2)),
    ]
    labels = {metric.label: metric.key for metric in cells.metrics}
    for place in range(0, found.n, 7):
        metric, denominator, way, order, penalty = found.choices[place]
        choice = Choice(
            metric=labels[found.dimensions[0].options[metric]],
            denominator=(
                Denominator.AUTHORS,
                Denominator.UNPARSED_IS_WRONG,
                Denominator.PARSED_ONLY,
            )[denominator],
            averaging=ways[way][0],
            weights=ways[way][1],
            order=list(ScoreOrder)[order],
            penalty=(1.0, 0.0, 0.5, 2.0)[penalty],
        )
        alone = evaluate(cells, choice, resamples=2).oriented
        if np.isnan(alone).any():
            assert np.isnan(found.values[place]) and found.reasons[place]
        else:
            assert bool(found.holds[place]) == bool(alone[1] > alone[0] + 1e-15), choice


def test_shares_by_choice_and_flips(cells: Cells) -> None:
    """OOD: A .1875, B .25 over levels. Only where every answer passes the threshold (2 of 3 tokens
    agree, .5 is asked) do both tie.
    """
    found = multiverse(cells, Conclusion(kind=Kind.ABOVE, first="B", second="A"))
    assert found.paper_holds and found.share == pytest.approx(11 / 13) and found.min_changes == 1
    assert found.single_flips == (
        ("metric", "token similarity of at least 0.5"),
        ("metric", "per-token accuracy of at least 0.5"),
    )
    assert "one other choice is enough to flip it" in multiverse_sentence(found)
    assert sum(found.reason_counts().values()) == found.n - found.n_computable > 0
    other = multiverse(
        cells, Conclusion(kind=Kind.ABOVE, first="B", second="A", quantity=Quantity.ID)
    )
    assert other.share == 0 and other.paper_holds is False


def test_a_critical_level_that_another_scale_moves() -> None:
    """Gaps .5 at L1 (1 to .5) and .25 at L2 (.25 to 0): the difference says L1, relative to ID it
    is .5 against 1.
    """
    cells = reduce_samples(samples({"A": {"t1": (4, 2), "t3": (1, 0)}}))
    found = multiverse(cells, Conclusion(kind=Kind.CRITICAL, first="A", level=1))
    names = [dimension.name for dimension in found.dimensions]
    exact = found.choices[:, 0] == 0
    scale = found.choices[:, names.index("gap")]
    assert found.holds[exact & (scale == 0)].all() and not found.holds[exact & (scale == 1)].any()
    assert found.paper_holds and found.min_changes == 1
    assert ("gap", "relative to ID") in found.single_flips


@pytest.mark.parametrize(
    ("a", "b", "c", "holds"), [(0, 2, 4, False), (0, 0, 4, True), (0, 4, 4, False)]
)
def test_an_ability_emerges_only_where_little_came_before(
    a: int, b: int, c: int, holds: bool
) -> None:
    """Between B and C, of 4 right answers; A is 0 and fixes where the rise starts."""
    cells = reduce_samples(samples({"A": {"t1": (a, a)}, "B": {"t1": (b, b)}, "C": {"t1": (c, c)}}))
    found = multiverse(cells, Conclusion(kind=Kind.EMERGES, first="B", second="C"))
    assert found.paper_holds is holds


def test_equal_models_do_not_emerge_and_are_not_counted_as_a_no() -> None:
    cells = reduce_samples(samples({"A": {"t1": (2, 2)}, "B": {"t1": (2, 2)}}))
    found = multiverse(cells, Conclusion(kind=Kind.EMERGES, first="A", second="B"))
    assert found.n_computable == 0 and "cannot be tested" in multiverse_sentence(found)


def test_conclusions_are_read_from_words() -> None:
    levels = {1: "O(N)", 2: "O(2^N)"}
    assert read_conclusion("A above B score at O(2^N)", ["A", "B"], levels) == Conclusion(
        kind=Kind.ABOVE, first="A", second="B", level=2, quantity=Quantity.SCORE
    )
    assert read_conclusion("critical level of A is 2", ["A"], levels).level == 2
    assert read_conclusion("emerges between A and B", ["A", "B"], levels).kind is Kind.EMERGES
    for wrong in ("A beats B", "A above C", "critical level of A is 7"):
        with pytest.raises(NotEnoughDataError):
            read_conclusion(wrong, ["A", "B"], levels)


# -- published means, target length, smaller tests -------------------------------------------------


def published(*models: str) -> Cells:
    rows = [
        {
            "model": model,
            "metric": "accuracy",
            "task": None,
            "level": level,
            "level_label": f"L{level}",
            "split": split,
            "value": share,
            "n": pd.NA,
            "n_tasks": 2,
            "n_per_task": 50,
        }
        for model in models
        for level, split, share in (
            (1, "id", 0.8),
            (1, "ood", 0.6),
            (2, "id", 0.4),
            (2, "ood", 0.5),
        )
    ]
    return cells_of_published(
        pd.DataFrame(rows).astype(
            {"level": "Int16", "n": "Int64", "n_tasks": "Int64", "n_per_task": "Int64"}
        )
    )


def test_published_means_take_part_in_penalty_and_weights_alone(cells: Cells) -> None:
    both = join_cells(cells, published("P", "A"))
    assert both.models == ("A", "B", "P") and both.published == {"P"}
    assert value(both, "P") == pytest.approx((0.4 + 0.5) / 2)
    assert value(both, "P", penalty=0.0) == pytest.approx(0.55)
    assert value(both, "A") == pytest.approx(-0.125)
    what_if = compare_with_paper(both, Choice(metric="edit_distance"))
    assert (
        what_if.n_ranked == 2
        and "published level means" in what_if.ranks.set_index("model").loc["P", "reason"]
    )
    found = multiverse(both, Conclusion(kind=Kind.CRITICAL, first="P", level=1))
    assert found.paper_holds and any(
        "denominator of their source" in reason for reason in found.reason_counts()
    )


def test_twenty_eight_models_are_ranked() -> None:
    what_if = compare_with_paper(
        published(*(f"m{place:02}" for place in range(28))), Choice(penalty=2.0)
    )
    assert what_if.n_ranked == 28 and what_if.n_changed == 0


def test_target_length_by_hand(cells: Cells) -> None:
    """A at L2: ID .25 with 3 tokens, so p = .25^(1/3); 6 tokens give .25². OOD is 0 of 4: a
    bound.
    """
    table = target_length_table(cells, 6).set_index(["model", "level", "split"])
    row = table.loc[("A", 2, "id")]
    assert (row["tokens"], row["p"], row["accuracy_at"]) == pytest.approx(
        (3, 0.25 ** (1 / 3), 0.0625)
    )
    zero = table.loc[("A", 2, "ood")]
    assert (
        zero["reason"] == REASON_ZERO
        and np.isnan(zero["p"])
        and zero["p_bound"] == pytest.approx((1 - 0.05**0.25) ** (1 / 3))
    )


def test_a_smaller_test_draws_what_is_there(cells: Cells) -> None:
    drawn = subsample(cells, 2, np.random.default_rng(0))
    assert set(drawn.n_answered[:, :, :2].ravel()) == {2}
    assert (drawn.total[0, 0] <= np.minimum(cells.total[cells.place("exact_match"), 0], 2)).all()
    whole = subsample(cells, 99, np.random.default_rng(0))
    assert np.array_equal(whole.total[0, 0], cells.total[cells.place("exact_match"), 0])
    found = smaller_test(cells, Choice(), 4, repeats=5)
    assert (found.p_same_order, found.p_same_best, found.n_models) == (1, 1, 2)
    assert found.zero_bound == pytest.approx(1 - 0.05**0.25)


def test_narrowing_keeps_the_numbers(cells: Cells) -> None:
    assert value(cells.narrowed(["B"]), "B") == value(cells, "B")
    assert replace(cells).available() == cells.available()
