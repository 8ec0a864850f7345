"""An instance comes back from JSON only as it was printed; every refusal says what is wrong and
what to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from probe.tasks import TASKS, TaskError, make_batch, read_instance
from probe.tasks.prompts import SECOND_TRIGGER


def _printed(task: str = "two_sum") -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(make_batch(task, "id", 1, 0)[0].to_json()))
    return record


def _with(**changed: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record | changed


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda record: [1, 2], "needs the keys instance_id, task"),
        (
            lambda record: {key: value for key, value in record.items() if key != "prompt"},
            "needs the keys",
        ),
        (_with(task="add"), "no task 'add'. Tasks are: "),
        (_with(task=None), "are texts"),
        (_with(task="__import__"), "no task"),
        (_with(split="train"), "no split 'train'. Splits are: id, ood"),
        (_with(prompt=5), "are texts"),
        (_with(instance_id="0"), "does not belong to its input"),
        (_with(input={"numbers": [1, 2, 3, 4], "target": 3}), "does not belong to its input"),
        (_with(input={"numbers": [1, 2, 3, 4]}), r"needed are exactly \['numbers', 'target'\]"),
        (_with(input={"numbers": [1, 2, 3, 4], "target": "3"}), "input field 'target' is '3'"),
        (_with(input=7), "the input has 7"),
        (_with(reference=[1, 2]), "is no right answer"),
        (_with(reference=[True, 2]), "is no right answer"),
        (_with(reference="3"), "is no right answer"),
        (_with(reference=None), "is no right answer"),
    ],
)
def test_an_altered_instance_is_refused(change: Callable[[dict[str, Any]], Any], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        read_instance(change(_printed()))


def test_another_right_answer_may_stand_as_reference() -> None:
    """Only what is wrong is refused, so a reference of an earlier version stays valid."""
    record = _printed("tsp")
    record["reference"] = record["reference"][::-1]
    assert read_instance(record).reference == record["reference"]


def test_more_keys_are_carried_without_harm_and_the_level_is_the_catalogs() -> None:
    assert read_instance(_printed() | {"level": 5, "note": "x"}).level == TASKS["two_sum"].level


@pytest.mark.parametrize("task", TASKS)
def test_a_prompt_says_the_task_the_input_and_the_form_of_the_answer(task: str) -> None:
    record = _printed(task)
    maker = TASKS[task]
    assert record["prompt"].startswith(maker.instruction)
    assert (
        f'"The answer is {maker.example}."' in record["prompt"]
        and maker.answer_rule in record["prompt"]
    )
    assert record["prompt"].endswith("Let's think step by step.")
    assert not record["prompt"].isspace() and SECOND_TRIGGER == "Therefore, the answer is"
