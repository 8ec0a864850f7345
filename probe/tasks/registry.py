"""Every task by name. A module of this package names its task in `TASK`, or several in `TASKS`: no
other file has to be edited to add one.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from probe.tasks.base import Task
from probe.tasks.elements import TaskError

_THEMSELVES_NEED_IT = {"registry", "batches"}


def _found() -> dict[str, Task]:
    names = [
        module.name
        for module in iter_modules([str(Path(__file__).parent)])
        if module.name not in _THEMSELVES_NEED_IT
    ]
    tasks: list[Task] = []
    for name in names:
        module = import_module(f"probe.tasks.{name}")
        tasks += [module.TASK] if hasattr(module, "TASK") else getattr(module, "TASKS", ())
    return {
        task.name: task for task in sorted(tasks, key=lambda task: (task.level or 9, task.name))
    }


TASKS: dict[str, Task] = _found()
"""In the order of levels; tasks without a level last."""


def task_named(name: str) -> Task:
    """The task with this name, or with this class name in the authors' code. Raises: TaskError that
    lists the names.
    """
    if name in TASKS:
        return TASKS[name]
    for task in TASKS.values():
        if task.authors_name and task.authors_name == name:
            return task
    raise TaskError(f"There is no task '{name}'. Tasks are: {', '.join(TASKS)}.")
