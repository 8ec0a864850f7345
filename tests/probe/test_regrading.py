"""Replies graded anew: which instances are rebuilt from stored prompts, and what either grader then
says.
"""

from __future__ import annotations

from typing import Any

import pytest

from data.records import Split
from probe.ladder import compact
from probe.prompts import STYLES, PromptError, style_named
from probe.regrading import (
    COLUMNS,
    NO_INPUT,
    NO_PROMPT,
    NO_REPLY,
    NO_TASK,
    OTHER_ID,
    Regraded,
    inputs_in,
    rebuilt,
    regrade,
)
from probe.tasks import TASKS, grade, make_batch


def one_row(**row: Any) -> Regraded:
    sample = {
        "task": "two_sum",
        "instance_id": "0" * 16,
        "outcome": "wrong",
        "input": None,
        "response": "",
        "metadata": None,
    } | row
    return regrade([tuple(sample[name] for name in COLUMNS)])[0]


@pytest.mark.parametrize("split", list(Split))
@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_is_rebuilt_from_every_prompt_style(task: str, split: Split) -> None:
    for instance in make_batch(task, split, 8, 3):
        for name in STYLES:
            try:
                prompt = style_named(name).prompt(instance).text
            except PromptError:
                continue
            found = rebuilt(task, instance.instance_id, prompt)
            assert (
                not isinstance(found, str)
                and found.input == instance.input
                and found.reference == instance.reference
            )
        stored = rebuilt(task, instance.instance_id, None, {"input": dict(instance.input)})
        assert not isinstance(stored, str) and stored.input == instance.input


def test_both_graders_say_what_they_say_of_a_fresh_reply() -> None:
    replies = ["The answer is {}.", "I cannot say.", "The answer is [1, 2].", "The answer is -7."]
    rows, wanted = [], []
    for task in sorted(TASKS):
        for instance in make_batch(task, "ood", 4, 5):
            for text in replies:
                reply = text.format(instance.reference)
                rows.append(
                    {
                        "task": task,
                        "instance_id": instance.instance_id,
                        "outcome": "wrong",
                        "input": instance.prompt,
                        "response": reply,
                    }
                )
                wanted.append(
                    (
                        grade(instance, reply, "scylla").outcome.value,
                        grade(instance, reply).outcome.value,
                    )
                )
    found = regrade(tuple(row.get(name) for name in COLUMNS) for row in rows)
    assert [(one.authors_outcome, one.our_outcome) for one in found] == wanted
    assert not any(one.reason for one in found)
    assert {one for one, _ in wanted} >= {"correct", "wrong", "unparsed"}


def test_another_right_sum_of_the_compact_form_is_wrong_for_the_authors_alone() -> None:
    """89+04+44+63 = 200 is a multiple of ten; theirs stores the first of four smallest numbers that
    is: 4+44+63+89 = 200. With another subset, 4+54+63+89 = 210, ours says right and theirs wrong.
    """
    given = {"numbers": [89, 4, 95, 44, 63, 54, 64, 99]}
    instance = TASKS["subset_sum_multiple_ten"].instance(given, Split.ID)
    asked = {
        "task": instance.task,
        "instance_id": instance.instance_id,
        "input": compact.render(TASKS[instance.task], given),
    }
    same, other = (
        one_row(**asked, response=" 89 04 44 63$"),
        one_row(**asked, response=" 89 04 63 54$"),
    )
    assert (same.authors_outcome, same.our_outcome) == ("correct", "correct")
    assert (other.authors_outcome, other.our_outcome) == ("wrong", "correct")
    unread = one_row(**asked, response=" 89 04")
    assert (unread.authors_outcome, unread.our_outcome, unread.reason) == (
        "unparsed",
        "unparsed",
        None,
    )


def test_a_reply_after_worked_examples_gets_its_lead_back() -> None:
    instance = make_batch("sort_numbers", "id", 1, 0)[0]
    prompt = style_named("few_shot").prompt(instance).text
    found = one_row(
        task="sort_numbers",
        instance_id=instance.instance_id,
        input=prompt,
        response=f" {instance.reference}.\n\nNumbers: 1 2",
    )
    assert (found.authors_outcome, found.our_outcome) == ("correct", "correct")


def test_what_cannot_be_proved_is_not_graded_and_says_why() -> None:
    instance = make_batch("two_sum", "id", 1, 0)[0]
    known: dict[str, Any] = {
        "instance_id": instance.instance_id,
        "input": instance.prompt,
        "response": "The answer is [1, 2].",
    }
    cases = {
        NO_TASK: known | {"task": "mmlu"},
        NO_PROMPT: known | {"input": None},
        NO_INPUT: known | {"input": "Which two numbers are it?"},
        OTHER_ID: known | {"instance_id": "doc-17"},
        NO_REPLY: known | {"response": None},
    }
    for reason, row in cases.items():
        found = one_row(**row)
        assert (
            found.reason == reason and found.authors_outcome is None and found.our_outcome is None
        )
    failed = one_row(**known | {"outcome": "error", "response": None})
    assert failed.reason is None and failed.authors_outcome is None


def test_odd_prompts_and_metadata_break_nothing() -> None:
    two_sum = TASKS["two_sum"]
    for prompt in (
        "",
        "twosum:",
        "twosum 1 2: 03 04=",
        "Numbers: 1 2\nTarget: " + "9" * 6000,
        "sort: 03 04=",
        "Numbers: ٣ ٤\nTarget: 7",
    ):
        assert isinstance(rebuilt("two_sum", "x", prompt), str)
        list(inputs_in(two_sum, prompt))
    for metadata in ("{", "[]", {"input": 3}, {"input": {"numbers": "1"}}, float("nan")):
        assert rebuilt("two_sum", "x", None, metadata) in (NO_PROMPT, OTHER_ID)
    assert regrade([]) == []
