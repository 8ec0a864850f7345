"""Comparisons of models: hand-worked 2x2 tables, what is shared and what is not, denominators,
epochs, edge cases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.compare.agreement import agreement_table, choices_by_column
from analysis.compare.answer_matrix import CELLS, answer_matrix
from analysis.compare.comparing import Comparison, compare_models, records_of
from analysis.compare.rows import CompareSettings
from data.records import Denominator, NotEnoughDataError

OUTCOMES = {"1": "correct", "0": "wrong", "u": "unparsed", "e": "error"}
NO_MEANS = pd.DataFrame(
    columns=[
        "model",
        "metric",
        "task",
        "level",
        "level_label",
        "split",
        "value",
        "n",
        "n_tasks",
        "n_per_task",
    ]
)


def answers_of(
    given: Mapping[str, Mapping[tuple[str, str | None], Sequence[str]]],
    *,
    prefix: Mapping[str, str] | None = None,
    level: int | None = 1,
) -> pd.DataFrame:
    """Answers by model, then by (task, split): one text per epoch, of 1 right, 0 wrong, u unparsed,
    e error, one sign per instance.
    """
    rows: list[dict[str, Any]] = []
    for model, cells in given.items():
        before = (prefix or {}).get(model, "")
        for (task, split), epochs in cells.items():
            for epoch, signs in enumerate(epochs, start=1):
                for place, sign in enumerate(signs):
                    rows.append(
                        {
                            "model": model,
                            "run_id": f"run-{model}",
                            "row_in_run": len(rows),
                            "task": task,
                            "level": level,
                            "level_label": "O(N)",
                            "role": "anchor",
                            "split": split,
                            "instance_id": f"{before}{place}",
                            "epoch": epoch,
                            "outcome": OUTCOMES[sign],
                        }
                    )
    return pd.DataFrame(rows).astype({"level": "Int16"})


def compared(
    answers: pd.DataFrame,
    *models: str,
    means: pd.DataFrame = NO_MEANS,
    denominator: Denominator = Denominator.UNPARSED_IS_WRONG,
    **settings: Any,
) -> Comparison:
    return compare_models(
        answer_matrix(answers, models, denominator),
        means,
        models,
        settings=CompareSettings(resamples=500, **settings),
    )


def overall(found: Comparison, model: str = "a", split: str = "ood") -> dict[str, Any]:
    rows = found.rows
    return records_of(
        rows[(rows["grouping"] == "overall") & (rows["model"] == model) & (rows["split"] == split)]
    )[0]


def test_without_resamples_all_is_as_with_them_but_the_bootstrap() -> None:
    answers = answers_of(TWO)
    matrix = answer_matrix(answers, ("a", "b"))
    full, without = (
        compare_models(matrix, NO_MEANS, ("a", "b"), settings=CompareSettings(resamples=n))
        for n in (500, 0)
    )
    drawn = ["boot_se", "boot_lo", "boot_hi", "boot_unit"]
    pd.testing.assert_frame_equal(full.rows.drop(columns=drawn), without.rows.drop(columns=drawn))
    assert full.rows[drawn[:3]].notna().all(axis=None) and without.rows[drawn[:3]].isna().all(
        axis=None
    )
    of_ranks = ["boot_rank_lo", "boot_rank_hi", "p_best"]
    pd.testing.assert_frame_equal(
        full.ranking.drop(columns=of_ranks), without.ranking.drop(columns=of_ranks)
    )
    assert full.ranking[of_ranks].notna().all(axis=None) and without.ranking[of_ranks].isna().all(
        axis=None
    )


TWO = {
    "b": {("t", "ood"): ["1110000000"], ("u", "ood"): ["1111100000"]},
    "a": {("t", "ood"): ["1101100000"], ("u", "ood"): ["1111111000"]},
}
"""Task t: both 2, only b 1, only a 2. Task u: both 5, only a 2. In all: both 7, only a 4, only b 1,
neither 8.
"""


def test_four_cells_and_mcnemar_are_those_worked_out_by_hand() -> None:
    row = overall(compared(answers_of(TWO), "b", "a"))
    assert [row[f"n_{cell}"] for cell in CELLS] == [7, 4, 1, 8]
    assert row["difference"] == pytest.approx(3 / 20)
    assert row["flips"] == pytest.approx(1 / 20)
    assert row["mcnemar_p"] == pytest.approx(2 * (1 + 5) / 32)
    assert (row["method"], row["n"], row["n_tasks"], row["df"]) == ("paired", 20, 2, 1)


def test_clustered_error_is_that_of_the_two_task_means() -> None:
    """Differences by task: .1 and .2; their standard error is .05, without the small-sample
    correction .05 / sqrt(2).
    """
    row = overall(compared(answers_of(TWO), "b", "a"))
    assert row["se"] == pytest.approx(0.05)
    assert row["se_sandwich"] == pytest.approx(0.05 / math.sqrt(2))


def test_cells_name_the_answers_behind_them() -> None:
    matrix = answer_matrix(answers_of(TWO), ("b", "a"))
    columns = matrix.cell("a", "b", "baseline_only", matrix.mask(split="ood"))
    assert [matrix.instances["instance_id"][column] for column in columns] == ["2"]
    assert matrix.address("b", int(columns[0])) == ("run-b", 2)
    assert len(matrix.cell("a", "b", "both", matrix.mask(task="u"))) == 5


def test_swapping_the_baseline_turns_the_signs() -> None:
    answers = answers_of(TWO)
    one, other = overall(compared(answers, "b", "a")), overall(compared(answers, "a", "b"), "b")
    assert one["difference"] == -other["difference"]
    assert (one["lo"], one["hi"]) == pytest.approx((-other["hi"], -other["lo"]))
    assert one["p"] == pytest.approx(other["p"])


def test_identical_models_differ_by_nothing() -> None:
    same = {("t", "ood"): ["110010"], ("u", "ood"): ["010101"]}
    found = compared(answers_of({"a": same, "b": same}), "b", "a")
    row = overall(found)
    assert (row["difference"], row["p"], row["mcnemar_p"]) == (0, 1, 1)
    assert row["lo"] < 0 < row["hi"]
    assert list(found.ranking["rank"]) == [1, 1]
    assert set(found.ranking["tie_group"]) == {"a"}


def test_all_right_against_all_right_has_no_agreement_and_no_difference() -> None:
    same = {("t", "ood"): ["1" * 30]}
    answers = answers_of({"a": same, "b": same})
    assert overall(compared(answers, "b", "a"))["p"] == 1
    table = agreement_table(answer_matrix(answers, ("a", "b")), resamples=10)
    assert math.isnan(table["kappa"][0])
    assert table["n"][0] == 30


def test_different_instances_of_the_same_tasks_are_compared_unpaired() -> None:
    found = compared(answers_of(TWO, prefix={"a": "other "}), "b", "a")
    row = overall(found)
    assert (row["method"], row["test"]) == (
        "unpaired",
        "unpaired: Welch's difference, clustered by task",
    )
    assert row["difference"] == pytest.approx(3 / 20)
    assert row["n_both"] is None
    assert any("not shared with the baseline by a" in note for note in found.notes)


def test_different_instances_of_one_task_take_newcombe() -> None:
    one_task = {model: {("t", "ood"): cells[("t", "ood")]} for model, cells in TWO.items()}
    row = overall(compared(answers_of(one_task, prefix={"a": "other "}), "b", "a"))
    assert row["test"] == "unpaired: Newcombe's difference of proportions"


def test_split_that_one_model_lacks_has_no_test() -> None:
    answers = answers_of({"b": TWO["b"], "a": {**TWO["a"], ("t", "id"): ["1100"]}})
    row = overall(compared(answers, "b", "a"), split="id")
    assert (row["method"], row["reason"]) == ("none", "one of the models has no answer")
    assert math.isnan(row["p"])


def test_answers_without_a_split_or_level_are_compared_over_all() -> None:
    cells = {
        model: {("t", None): ["1010"], ("u", None): [signs]}
        for model, signs in (("a", "1111"), ("b", "0001"))
    }
    found = compared(answers_of(cells, level=None), "b", "a")
    assert list(found.rows["grouping"]) == ["overall"]
    assert overall(found, split="")["n"] == 8


def test_epochs_are_averaged_before_they_count() -> None:
    """Instance 0: a is right in both, b in one: difference 1/2; instances 1 to 3 alike: 1/8 on
    average, not 1 of 8 answers.
    """
    answers = answers_of(
        {"a": {("t", "ood"): ["1100", "1100"]}, "b": {("t", "ood"): ["1100", "0100"]}}
    )
    row = overall(compared(answers, "b", "a"))
    assert row["difference"] == pytest.approx(0.125)
    assert row["n"] == 4
    assert math.isnan(row["mcnemar_p"])
    assert row["n_model_only"] == 1


def test_parsed_only_leaves_a_pair_out_when_either_is_not_parsed() -> None:
    answers = answers_of({"a": {("t", "ood"): ["11u0e1"]}, "b": {("t", "ood"): ["10u101"]}})
    wrong = overall(compared(answers, "b", "a"))
    parsed = overall(compared(answers, "b", "a", denominator=Denominator.PARSED_ONLY))
    assert (wrong["n"], parsed["n"]) == (5, 4)
    assert any(
        "not parsed" in note
        for note in compared(answers, "b", "a", denominator=Denominator.PARSED_ONLY).notes
    )


def test_authors_rule_sets_a_cell_to_0_when_under_a_tenth_parses() -> None:
    answers = answers_of({"a": {("t", "ood"): ["1" + "u" * 19]}, "b": {("t", "ood"): ["1" * 20]}})
    row = overall(compared(answers, "b", "a", denominator=Denominator.AUTHORS))
    assert (row["accuracy"], row["baseline_accuracy"], row["n"]) == (0, 1, 20)


def test_holm_covers_every_distinct_test_of_the_page() -> None:
    """Three models, one split, two tasks: per model two tasks and the whole, and one pair without
    the baseline.
    """
    answers = answers_of({**TWO, "c": {("t", "ood"): ["0000000001"], ("u", "ood"): ["0000000011"]}})
    found = compared(answers, "b", "a", "c", grouping="task")
    assert found.family_size == 2 * 3 + 1
    smallest = min(*found.rows["p"], *found.pairs["p"])
    assert min(*found.rows["p_holm"], *found.pairs["p_holm"]) == pytest.approx(7 * smallest)


def test_groups_that_happen_to_look_alike_are_two_tests() -> None:
    alike = {
        "b": {("t", "ood"): ["1110"], ("u", "ood"): ["1110"]},
        "a": {("t", "ood"): ["1000"], ("u", "ood"): ["1000"]},
    }
    assert compared(answers_of(alike), "b", "a", grouping="task").family_size == 3


def test_level_that_is_the_whole_is_one_test() -> None:
    assert compared(answers_of(TWO), "b", "a", grouping="level").family_size == 1


def test_six_models_are_compared_and_seven_or_one_refused() -> None:
    random = np.random.default_rng(0)
    tasks = [("t", "ood"), ("u", "ood"), ("v", "ood")]
    names = [f"m{place}" for place in range(7)]
    answers = answers_of(
        {name: {cell: ["".join(random.choice(["0", "1"], 20))] for cell in tasks} for name in names}
    )
    found = compared(answers, *names[:6])
    assert len(found.ranking) == 6
    assert len(found.pairs) == 10
    with pytest.raises(NotEnoughDataError, match="2 to 6 models, and 7 are chosen"):
        compared(answers, *names)
    with pytest.raises(NotEnoughDataError, match="Add some"):
        compared(answers, names[0])
    with pytest.raises(NotEnoughDataError, match="baseline 'x' is none"):
        compare_models(answer_matrix(answers, names[:2]), NO_MEANS, names[:2], "x")


def test_published_means_are_compared_unpaired_where_n_is_stated(
    published_levels: pd.DataFrame,
) -> None:
    """Figure 5, OOD level 2: 7B and 14B; n = 4 tasks of 256."""
    found = compared(answers_of(TWO), "Qwen1.5-7B", "Qwen1.5-14B", means=published_levels)
    rows = found.rows[(found.rows["split"] == "ood") & (found.rows["level"] == 2)]
    row = records_of(rows)[0]
    assert (row["method"], row["n"], row["test"]) == (
        "unpaired",
        1024,
        "unpaired: Newcombe's difference of proportions",
    )
    assert found.ranking.empty


def test_published_means_without_n_allow_no_test(published_levels: pd.DataFrame) -> None:
    unknown = published_levels.assign(
        n=pd.array([pd.NA] * len(published_levels), dtype="Int64"), n_tasks=pd.NA
    )
    row = records_of(compared(answers_of(TWO), "Qwen1.5-7B", "Qwen1.5-14B", means=unknown).rows)[0]
    assert row["method"] == "none"
    assert "no test possible" in row["reason"]
    assert math.isnan(row["p"])
    assert math.isfinite(row["difference"])


def test_choice_probabilities_turn_agreement_into_capa() -> None:
    answers = answers_of({name: {("t", "ood"): ["10" * 15]} for name in ("a", "b")})
    answers["choice_logprobs"] = [[math.log(0.7), math.log(0.3)]] * len(answers)
    answers["answer_logprob"] = math.log(0.7)
    matrix = answer_matrix(answers, ("a", "b"))
    table = agreement_table(matrix, choices_by_column(matrix, answers), resamples=20)
    # c_obs = .49 + .09; c_exp = .49 + .09 / 1: the same, so nothing beyond chance.
    assert list(table["kind"]) == ["CAPA"]
    assert table["kappa"][0] == pytest.approx(0.0, abs=1e-12)


def test_record_is_plain_json() -> None:
    import json

    record = compared(answers_of(TWO), "b", "a").as_record()
    assert json.loads(json.dumps(record, allow_nan=False))["comparisons"][0]["model"] == "a"
