"""The authors' grader, restated: it agrees with their own output, has their defects (V), and shows
what grading alone does to a valley.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from data.records import Outcome, Split
from probe.tasks import TASKS, Instance, TaskError, grade, make_batch
from probe.tasks.scylla_grader import GraderHalt, evaluate, extract
from tests.probe.tasks.authors_instances import MAKERS, authors_batch
from tests.probe.tasks.definitions import right_answers


def _asks(task: str, **given: Any) -> Instance:
    TASKS[task].validate(given)
    return TASKS[task].instance(given, Split.ID)


def _said(answer: Any) -> str:
    return f"The answer is {answer}."


def test_it_agrees_with_every_answer_that_the_authors_scripts_extracted_and_scored(
    shared: Path,
) -> None:
    """Both passes of all rows of the fixture, which their unmodified code wrote."""
    n_rows = 0
    for file in sorted(
        (shared / "fixtures" / "scylla" / "out").rglob("*instruction---extrinsic.json")
    ):
        if "measurement" in file.parts:
            continue
        task = next(task for task in TASKS.values() if task.authors_name == file.parent.name)
        for row in json.loads(file.read_text()):
            gold = json.loads(row["desired_output_js"][0])
            for text, found, correct in (
                (row["model_generation"], row["model_answer_js"], row["correct"]),
                (
                    row["second_model_generation"],
                    row["second_model_answer_js"],
                    row["second_correct"],
                ),
            ):
                extracted = extract(task, text)
                assert extracted == found, (file, row["id"])
                assert (extracted is not None and evaluate(task, extracted, gold)) == correct, (
                    file,
                    row["id"],
                )
                n_rows += 1
    assert n_rows > 1_000


@pytest.mark.parametrize(
    ("task", "found", "gold", "authors"),
    [
        ("sort_numbers", "[100001]", [100000], True),
        ("sort_numbers", "[1000.009, 5]", [1000, 5], True),
        ("find_minimum", "3.9", 3, True),
    ],
    ids=["V1", "V2", "V3"],
)
def test_the_authors_accept_what_is_near(task: str, found: str, gold: Any, authors: bool) -> None:
    assert evaluate(TASKS[task], found, gold) is authors


def test_off_by_one_is_wrong_however_large_the_number() -> None:
    """V1: the authors compare within 1e-5 of the size, so from 100000 up a neighbour counts."""
    instance = _asks("sort_numbers", numbers=[5, 99_998, 7, 3])
    near = _said([3, 5, 7, 99_997])
    assert grade(instance, near).outcome is Outcome.WRONG
    assert evaluate(TASKS["sort_numbers"], "[200001]", [200000])


@pytest.mark.parametrize(
    ("answer", "reason"), [("[1000.009, 5, 7, 8]", "'1000.009'"), ("[5, 7, 8, 1e3]", "'1e3'")]
)
def test_a_decimal_in_a_list_of_integers_is_refused(answer: str, reason: str) -> None:
    """V2."""
    graded = grade(_asks("sort_numbers", numbers=[1000, 5, 7, 8]), _said(answer))
    assert graded.outcome is Outcome.UNPARSED and reason in graded.reason


def test_a_decimal_is_not_cut_to_an_integer() -> None:
    """V3."""
    instance = _asks("find_minimum", numbers=[3, 5, 7, 8])
    assert grade(instance, "The answer is 3.9", "scylla").outcome is Outcome.CORRECT
    assert grade(instance, "The answer is 3.9").outcome is Outcome.UNPARSED


def test_a_lost_sign_does_not_make_an_answer_right() -> None:
    """E1: -5 is read as 5 by the authors and matches."""
    instance = _asks("find_minimum", numbers=[5, 6, 7, 8])
    assert grade(instance, "The answer is -5.", "scylla").outcome is Outcome.CORRECT
    graded = grade(instance, "The answer is -5.")
    assert (graded.outcome, graded.answer) == (Outcome.WRONG, -5)


@pytest.mark.parametrize(
    "answer",
    ["[" + "9" * 400 + ", 1, 2, 3]", "[[1,2],[3]]", "[null, 1, 2, {}]"],
    ids=["V6", "V7", "null"],
)
def test_what_is_no_list_of_integers_stops_nothing_and_has_a_reason(answer: str) -> None:
    instance = _asks("sort_numbers", numbers=[1, 2, 3, 4])
    assert grade(instance, _said(answer), "scylla").outcome is not Outcome.CORRECT
    ours = grade(instance, _said(answer))
    assert ours.outcome is Outcome.UNPARSED and ours.answer is None and ours.reason


@pytest.mark.parametrize(
    "found",
    ["[" + "9" * 400 + "]", "[" + "9" * 5_000 + "]", "[[1,2],[3]]", "null", '"[1]"'],
    ids=range(5),
)
def test_where_the_authors_evaluation_stops_in_a_debugger_it_says_so(found: str) -> None:
    """V4 to V7: a failure is never a number."""
    with pytest.raises(GraderHalt):
        evaluate(TASKS["sort_numbers"], found, [1] if found != "[[1,2],[3]]" else [1, 2])


def test_a_halt_of_the_authors_grader_is_an_error_and_not_a_wrong_answer() -> None:
    graded = grade(
        _asks("sort_numbers", numbers=[1, 2, 3, 4]),
        "The answer is [" + "9" * 400 + ", 1, 2, 3].",
        "scylla",
    )
    assert graded.outcome is Outcome.ERROR and "halts" in graded.reason


@pytest.mark.parametrize(
    "reply", ["", "null", '"[1, 2, 3, 4]"', "abc", "The answer is null.", "\x00"]
)
def test_nothing_readable_is_unparsed_and_stops_nothing(reply: str) -> None:
    """V4, V5, V8."""
    instance = _asks("sort_numbers", numbers=[4, 3, 2, 1])
    graded = grade(instance, reply)
    assert graded.outcome in (Outcome.UNPARSED, Outcome.CORRECT) and graded.reason
    assert grade(instance, reply, "scylla").outcome in (Outcome.UNPARSED, Outcome.CORRECT)


def test_another_grader_is_refused() -> None:
    with pytest.raises(TaskError, match=r"no grader 'strict'\. Choose one of charybdis, scylla"):
        grade(_asks("find_minimum", numbers=[1, 2, 3, 4]), "1", "strict")


ONE_ANSWER = sorted(
    set(TASKS)
    - {"subset_sum_multiple_ten", "longest_increasing_subsequence", "longest_consecutive_elements"}
)


@pytest.mark.parametrize("split", ["id", "ood"])
@pytest.mark.parametrize("task", ONE_ANSWER)
def test_references_are_right_for_the_authors_too(task: str, split: str) -> None:
    for instance in make_batch(task, split, 30, 9):
        assert grade(instance, _said(instance.reference), "scylla").outcome is Outcome.CORRECT


PUBLISHED = {
    "four_sum_in_range": (0.85, 1.00),
    "subset_sum_in_range": (0.67, 0.85),
    "subset_sum_multiple_ten": (0.38, 0.28),
    "longest_increasing_subsequence": (0.55, 0.61),
    "longest_consecutive_elements": (0.75, 0.30),
}
"""What a perfect solver that gives a random right answer scores under the authors' own code, ID and
OOD.
"""


@pytest.mark.parametrize("task", MAKERS)
def test_a_perfect_solver_is_scored_below_one_by_the_authors_and_one_here(task: str) -> None:
    """On instances made by their rules. Lists are random here and a model's there: levels agree
    within .2, gaps within .15.
    """
    rng = random.Random(1)
    theirs = []
    for split in ("id", "ood"):
        correct = 0
        batch = authors_batch(task, split, 250, 0)
        for instance in batch:
            right = right_answers(task, dict(instance.input))
            distinct = {
                tuple(sorted(one) if TASKS[task].authors_order == "any" else one) for one in right
            }
            reply = _said(list(rng.choice(sorted(distinct))))
            correct += grade(instance, reply, "scylla").outcome is Outcome.CORRECT
            assert grade(instance, reply).outcome is Outcome.CORRECT
        theirs.append(correct / len(batch))
    published = PUBLISHED[task]
    assert min(theirs) < 0.9
    assert theirs == pytest.approx(published, abs=0.21)
    assert theirs[0] - theirs[1] == pytest.approx(published[0] - published[1], abs=0.15)
