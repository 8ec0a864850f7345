"""One test per defect of the authors' instances: several right answers (O), inputs (I), OOD
generation (G), tours (T).
"""

from __future__ import annotations

import json
from statistics import fmean
from typing import Any

import pytest

from data.records import Outcome, Split
from probe.tasks import TASKS, Instance, TaskError, check, grade, make_batch
from probe.tasks.tsp import count_shortest
from tests.probe.tasks.authors_instances import different_share
from tests.probe.tasks.definitions import right_answers


def _asks(task: str, **given: Any) -> Instance:
    TASKS[task].validate(given)
    return TASKS[task].instance(given, Split.OOD)


@pytest.mark.parametrize(
    ("task", "given", "answers"),
    [
        (
            "four_sum_in_range",
            {"numbers": [55, 11, 24, 3, 63, 81], "low": 163, "high": 179},
            ([55, 11, 24, 81], [3, 24, 63, 81]),
        ),
        (
            "subset_sum_in_range",
            {"numbers": [9004, 5104, 3986, 1986, 2775, 9724], "low": 23575, "high": 25489},
            ([1986, 3986, 9004, 9724], [5104, 9004, 9724]),
        ),
        (
            "subset_sum_multiple_ten",
            {"numbers": [7491, 6785, 6752, 7491, 7491, 8978]},
            ([6752, 6785, 7491, 7491, 7491], [6752, 8978]),
        ),
        ("longest_increasing_subsequence", {"numbers": [1, 3, 2, 4]}, ([1, 3, 4], [1, 2, 4])),
        ("longest_consecutive_elements", {"numbers": [1, 2, 50, 51]}, ([1, 2], [50, 51])),
    ],
    ids=["O1", "O2", "O3", "O4", "O5"],
)
def test_every_right_answer_counts_where_the_authors_accept_one(
    task: str, given: dict[str, Any], answers: tuple[list[int], ...]
) -> None:
    instance = _asks(task, **given)
    theirs = [grade(instance, f"The answer is {answer}.", "scylla").outcome for answer in answers]
    assert theirs == [Outcome.CORRECT, Outcome.WRONG]
    assert all(
        grade(instance, f"The answer is {answer}.").outcome is Outcome.CORRECT for answer in answers
    )


@pytest.mark.parametrize("task", ["three_sum_in_range", "four_sum_in_range", "subset_sum_in_range"])
@pytest.mark.parametrize("split", ["id", "ood"])
def test_a_range_holds_the_sum_of_exactly_one_choice(task: str, split: str) -> None:
    """O1, O1b, O2: the authors' bounds forget how many choices share a sum, and which sizes they
    did not look at.
    """
    for instance in make_batch(task, split, 25, 0, lengths=[6, 7, 8]):
        assert len(right_answers(task, dict(instance.input))) == 1


@pytest.mark.parametrize("split", ["id", "ood"])
def test_no_pair_solves_a_subset_task(split: str) -> None:
    """O3: the authors' gold has 4 to 6 numbers while a pair often does."""
    for instance in make_batch("subset_sum_multiple_ten", split, 25, 0):
        assert min(map(len, right_answers(instance.task, dict(instance.input)))) in range(4, 7)


def test_k_is_stored_and_equal_numbers_take_a_place_each() -> None:
    """O6: the authors draw k anew at every call and do not say what [9, 9, 9, 1] with k = 2
    means.
    """
    instance = _asks("find_topk", numbers=[9, 9, 9, 1], k=2)
    assert check(instance, 9) and not check(instance, 1)
    assert "k: 2" in instance.prompt and "equal numbers take a place each" in instance.prompt
    for made in make_batch("find_topk", "ood", 20, 0):
        assert len(set(made.input["numbers"])) == len(made.input["numbers"])


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 10**6, [1]])
def test_an_input_holds_whole_numbers_and_no_booleans(value: Any) -> None:
    """I1, I2. Negative elements are outside the benchmark's range, and the refusal names what is
    allowed.
    """
    with pytest.raises(TaskError, match="whole numbers from 0 to 99999"):
        TASKS["find_minimum"].validate({"numbers": [value, 5, 6, 7]})


@pytest.mark.parametrize("numbers", [[], [1], "1 2 3 4", {"a": 1}, list(range(5_000))])
def test_an_input_of_another_length_is_refused_in_words(numbers: Any) -> None:
    """I4: an empty list raises TypeError from the authors' `raise []`."""
    for name, task in TASKS.items():
        if task.fields == ("numbers",):
            with pytest.raises(TaskError, match=f"{name}: input field 'numbers'"):
                task.validate({"numbers": numbers})


def test_an_input_without_an_answer_is_an_error_and_never_an_empty_answer() -> None:
    """I3: a list without a unique sum sends the authors' transform out of bounds; here no answer is
    said to be none.
    """
    for task, given in (
        ("two_sum", {"numbers": [1, 1, 1, 1], "target": 3}),
        ("three_sum", {"numbers": [1, 1, 1, 1], "target": 4}),
        ("four_sum", {"numbers": [1, 1, 1, 1, 1], "target": 5}),
        ("subset_sum", {"numbers": [1, 1, 1, 1, 1, 1], "target": 7}),
        ("subset_sum_in_range", {"numbers": [5, 5, 5, 5, 5, 5], "low": 5, "high": 10}),
        ("three_sum_in_range", {"numbers": [5, 5, 5, 5], "low": 15, "high": 16}),
        ("three_sum_multiple_ten", {"numbers": [1, 1, 1, 1]}),
        ("subset_sum_multiple_ten", {"numbers": [1, 1, 1, 1, 1, 1]}),
    ):
        TASKS[task].validate(given)
        with pytest.raises(TaskError, match="has no answer"):
            TASKS[task].solve(given)


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 1, 2, 3], [1, 0, 1, 1], [2, 1, 0, 1], [9, 1, 1, 0]],
        [[1, 1, 2, 3], [1, 0, 1, 1], [2, 1, 0, 1], [3, 1, 1, 0]],
        [[0, 1, 2], [1, 0, 1], [2, 1, 0]],
        [[0, 1, 2, 3], [1, 0, 1], [2, 1, 0, 1], [3, 1, 1, 0]],
        [3, 4, 5, 6],
    ],
    ids=["not symmetric", "diagonal", "too small", "ragged", "no matrix"],
)
def test_a_matrix_that_is_no_table_of_distances_is_refused(rows: Any) -> None:
    """I5: shapes are checked before anything is computed."""
    with pytest.raises(TaskError, match="input field 'distances'"):
        TASKS["tsp"].validate({"distances": rows})


LISTS = [name for name, task in TASKS.items() if task.fields != ("distances",)]


@pytest.mark.parametrize("task", LISTS)
def test_ood_lists_have_the_lengths_and_the_repeats_of_id(task: str) -> None:
    """G1, G3: the authors' OOD lists grow (mode 6.9 -> 11.9) or fill up with copies (different
    share .42 to .59).
    """
    inside, outside = (make_batch(task, split, 100, 0) for split in ("id", "ood"))
    for one, other in zip(inside, outside, strict=True):
        for name in TASKS[task].fields:
            if isinstance(one.input[name], list):
                assert len(one.input[name]) == len(other.input[name])
    shares = [
        fmean(different_share(next(iter(one.input.values()))) for one in batch)
        for batch in (inside, outside)
    ]
    if task in ("three_sum_multiple_ten", "four_sum_multiple_ten", "subset_sum_multiple_ten"):
        assert min(shares) > 0.99
    else:
        assert shares[0] == shares[1]


def test_batches_of_the_two_splits_and_of_all_tasks_draw_apart() -> None:
    """G2: forked workers of the authors share one generator, and half of their OOD lists are
    copies.
    """
    ids = [
        one.instance_id
        for task in TASKS
        for split in ("id", "ood")
        for one in make_batch(task, split, 40, 0)
    ]
    assert len(set(ids)) == len(ids)
    lists = {
        tuple(make_batch(task, "ood", 1, 0)[0].input["numbers"])
        for task in ("find_minimum", "find_maximum", "sort_numbers")
    }
    assert len(lists) == 3


def test_tours_that_tie_are_kept_and_each_is_right() -> None:
    """T1: the authors reject matrices with ties, so handling them is never put to the test."""
    rows = [[int(i != j) for j in range(5)] for i in range(5)]
    instance = _asks("tsp", distances=rows)
    assert count_shortest(rows) == len(right_answers("tsp", {"distances": rows})) == 24
    for tour in ([0, 1, 2, 3, 4, 0], [0, 3, 1, 4, 2, 0], [0, 4, 3, 2, 1, 0]):
        assert check(instance, tour)
    assert grade(instance, "The answer is [0, 3, 1, 4, 2, 0].", "scylla").outcome is Outcome.WRONG


@pytest.mark.parametrize(
    ("tour", "outcome", "reason"),
    [
        ([0, 1, 3, 2, 0], Outcome.CORRECT, ""),
        ([0, 2, 3, 1, 0], Outcome.CORRECT, ""),
        ([0, 1, 2, 3, 0], Outcome.WRONG, "is 187 long, the shortest 155"),
        ([0, 1, 3, 2], Outcome.UNPARSED, "begin and end with city 0"),
        ([1, 3, 2, 0, 1], Outcome.UNPARSED, "begin and end with city 0"),
        ([0, 1, 2, 0], Outcome.UNPARSED, "visit each of the cities 0 to 3 once"),
        ([0, 1, 1, 2, 3, 0], Outcome.UNPARSED, "visit each of the cities 0 to 3 once"),
        ([0, 1, 2, 4, 0], Outcome.UNPARSED, "visit each of the cities 0 to 3 once"),
        ([], Outcome.UNPARSED, "begin and end with city 0"),
    ],
)
def test_a_list_that_is_no_round_trip_is_told_apart_from_a_long_one(
    tour: list[int], outcome: Outcome, reason: str
) -> None:
    """T2: without the final 0 the authors score a wrong tour."""
    rows = [[0, 38, 32, 96], [38, 0, 15, 47], [32, 15, 0, 38], [96, 47, 38, 0]]
    graded = grade(_asks("tsp", distances=rows), f"The answer is {tour}.")
    assert graded.outcome is outcome and reason in graded.reason and graded.answer == tour


@pytest.mark.parametrize("split", ["id", "ood"])
def test_one_reference_is_stored_and_not_every_order_of_it(split: str) -> None:
    """S1: the authors store up to 720 orders of one subset and read the first."""
    for instance in make_batch("subset_sum", split, 20, 0):
        assert all(type(number) is int for number in instance.reference)  # type: ignore[union-attr]
        assert len(json.dumps(instance.to_json())) < 1_200
