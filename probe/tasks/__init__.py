"""SCYLLA's twenty tasks: instances, reference answers, grading.

    instances = make_batch("two_sum", "ood", n=64, seed=7)
    grade(instances[0], "The answer is [12, 34].").outcome

`TASKS` contains every task by its name. See `base` for the definition of a task and for adding
another prompt form.
"""

from __future__ import annotations

from probe.tasks.base import Answer, AnswerKind, Grade, Instance, Reading, Task
from probe.tasks.batches import chance_level, check, grade, make_batch, read_instance
from probe.tasks.elements import RANGES, Elements, TaskError
from probe.tasks.registry import TASKS, task_named

__all__ = [
    "RANGES",
    "TASKS",
    "Answer",
    "AnswerKind",
    "Elements",
    "Grade",
    "Instance",
    "Reading",
    "Task",
    "TaskError",
    "chance_level",
    "check",
    "grade",
    "make_batch",
    "read_instance",
    "task_named",
]
