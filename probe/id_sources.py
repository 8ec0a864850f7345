"""Sources of ID elements: stated ranges, the ladder's known training distribution, or the test
inputs that a model writes on request.

A source gives each task its ID and OOD elements and the lengths of its lists. It is stored with the
run, so that a resumed run draws from the same source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.records import CharybdisError
from probe.models.base import Decoding, Model, ModelError, Prompt, ShouldStop, never
from probe.tasks import TASKS, Elements, Task
from probe.tasks.elements import OOD_RANGE, RANGES

MIN_EXAMPLES, MIN_ELEMENTS = 40, 24
"""Minimum for an elicited task: readable examples, and distinct numbers in them."""
PROMPTS_AT_MOST = 64
_HOPELESS_AFTER = 16
"""A model that has written nothing usable by then is not expected to."""
_PROMPTS_A_ROUND = 8
_LIST = re.compile(r"\[([0-9][0-9,;\s]{0,400})\]")
_LARGEST = OOD_RANGE[1]


class IdSourceError(CharybdisError):
    """A source does not exist, or has not given enough examples."""


@dataclass(frozen=True, slots=True)
class TaskElements:
    """Elements and lengths of one task."""

    elements: Elements
    lengths: tuple[int, ...] | None = None
    """Lengths to draw from, all entries equally likely; None: all that the task allows."""


@dataclass(frozen=True, slots=True)
class IdSource:
    """A source of ID and OOD elements."""

    name: str
    """range | ladder | elicited; stored as the run's `id_source`."""
    facts: Mapping[str, Any]
    """JSON object from which `read_source` makes this source again."""
    default: TaskElements | None = None
    tasks: Mapping[str, TaskElements] = field(default_factory=dict)

    def of(self, task: str) -> TaskElements:
        """Elements and lengths of one task. Raises: IdSourceError when the source does not cover
        the task.
        """
        found = self.tasks.get(task, self.default)
        if found is None:
            raise IdSourceError(
                f"The ID source '{self.name}' says nothing about {task}. It knows:"
                f" {', '.join(self.tasks)}."
            )
        return found


def range_source() -> IdSource:
    """ID 0 to 99, OOD 100 to 9999, all numbers equally likely."""
    facts = {"name": "range", "id_range": [0, 99], "ood_range": list(OOD_RANGE)}
    return IdSource("range", facts, default=TaskElements(RANGES))


def ladder_source(ood: str = "scatter") -> IdSource:
    """The training distribution of the shipped ladder, and one kind of OOD.

    Raises: IdSourceError for a kind of OOD that does not exist, or whose numbers are ID as well.
    """
    from probe.ladder.distribution import ID_VALUES, LENGTHS, OOD_KINDS

    usable = [name for name, kind in OOD_KINDS.items() if not set(kind.values) & set(ID_VALUES)]
    if ood not in usable:
        raise IdSourceError(
            f"The ladder has no OOD '{ood}' of its own numbers. Choose one of: {', '.join(usable)}."
        )
    elements = Elements("ladder", ID_VALUES, OOD_KINDS[ood].values)
    return IdSource(
        "ladder",
        {"name": "ladder", "ood": ood},
        tasks={task: TaskElements(elements, ns) for task, ns in LENGTHS.items()},
    )


def read_source(facts: Mapping[str, Any]) -> IdSource:
    """The source that `IdSource.facts` describes."""
    if facts["name"] == "range":
        return range_source()
    if facts["name"] == "ladder":
        return ladder_source(facts["ood"])
    tasks = {}
    for task, said in facts["tasks"].items():
        elements = Elements.from_values(
            "elicited", Counter({int(value): n for value, n in said["elements"].items()}).elements()
        )
        tasks[task] = TaskElements(
            elements,
            tuple(Counter({int(length): n for length, n in said["lengths"].items()}).elements()),
        )
    return IdSource("elicited", facts, tasks=tasks)


# -- elicited --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Elicitation:
    """Progress of eliciting test inputs from a model."""

    task: str
    n_examples: int
    n_elements: int
    n_prompts: int
    is_enough: bool


def elicitation_prompt(task: Task, n: int = 10) -> str:
    """The prompt that requests test inputs of a task from a model (after arXiv 2410.01769, section
    3.2.2, in our words).
    """
    return (
        f'Here is a task:\n"{task.instruction}"\n\nWrite {n} different test inputs for this task.'
        f" Each test input has {task.lengths[0]} to {task.lengths[-1]} whole numbers. Put every"
        " list of numbers on a line of its own, in square brackets and separated by commas, and"
        " write nothing else.\n\nTest inputs:\n"
    )


def extract_examples(task: Task, text: str) -> list[list[int]]:
    """The lists of a reply that can be an input of the task: of an allowed length, of whole numbers
    from 0 to 9999.
    """
    found = []
    for match in _LIST.finditer(text):
        words = re.findall(r"[0-9]+", match[1])
        numbers = [int(word) for word in words if len(word) <= 5]
        if len(numbers) == len(words) and len(numbers) in task.lengths and max(numbers) <= _LARGEST:
            found.append(numbers)
    return found


def elicit(
    model: Model,
    tasks: Sequence[str],
    *,
    seed: int = 0,
    max_new_tokens: int = 768,
    should_stop: ShouldStop = never,
) -> Iterator[Elicitation | IdSource]:
    """Request test inputs of each task from the model until there are enough; the last value
    yielded is the source.

    ID elements are the numbers that the model wrote, as often as it wrote them; OOD elements are
    the other numbers of 0 to 9999; lengths are those of its lists. Raises: IdSourceError when the
    limit of prompts for a task is reached before there are enough examples; ModelError when no
    prompt is answered.
    """
    said: dict[str, Any] = {}
    for name in tasks:
        asked = _Asked(TASKS[name], model, seed, max_new_tokens)
        while True:
            progress = asked.progress()
            yield progress
            if progress.is_enough:
                break
            asked.ask_more(progress, should_stop)
        said[name] = asked.facts()
    yield read_source(
        {
            "name": "elicited",
            "seed": seed,
            "temperature": 1.0,
            "max_new_tokens": max_new_tokens,
            "tasks": said,
        }
    )


class _Asked:
    """The examples that a model has written so far for one task."""

    def __init__(self, task: Task, model: Model, seed: int, max_new_tokens: int) -> None:
        self._task, self._model, self._seed, self._max_new_tokens = (
            task,
            model,
            seed,
            max_new_tokens,
        )
        self._prompt = Prompt(elicitation_prompt(task), is_chat=model.facts.has_chat_template)
        self._examples: dict[tuple[int, ...], None] = {}
        self._n_prompts = 0

    def _elements(self) -> Counter[int]:
        # The zeros of a distance matrix are its diagonal, not distances.
        return Counter(
            value
            for example in self._examples
            for value in example
            if value or self._task.name != "tsp"
        )

    def progress(self) -> Elicitation:
        n_examples, n_elements = len(self._examples), len(self._elements())
        is_enough = n_examples >= MIN_EXAMPLES and n_elements >= MIN_ELEMENTS
        return Elicitation(self._task.name, n_examples, n_elements, self._n_prompts, is_enough)

    def ask_more(self, so_far: Elicitation, should_stop: ShouldStop) -> None:
        """One round of prompts. Raises: IdSourceError when the limit of prompts is reached;
        ModelError when none was answered.
        """
        if self._n_prompts >= (PROMPTS_AT_MOST if so_far.n_examples else _HOPELESS_AFTER):
            other = "ladder" if self._model.ref.startswith("ladder:") else "range"
            raise IdSourceError(
                f"{self._model.name} was asked {self._n_prompts} times to write test inputs of"
                f" {self._task.name} and wrote {so_far.n_examples} that can be used, with"
                f" {so_far.n_elements} different numbers; at least {MIN_EXAMPLES} with"
                f" {MIN_ELEMENTS} different numbers are needed. Nothing was stored. Use the ID"
                f" source '{other}', or leave this task out."
            )
        decoding = Decoding(
            self._max_new_tokens, temperature=1.0, seed=self._seed * 1_000_003 + self._n_prompts
        )
        replies = self._model.reply(
            [self._prompt] * _PROMPTS_A_ROUND, decoding, should_stop=should_stop
        )
        if all(reply.error is not None for reply in replies):
            raise ModelError(
                f"{self._model.name} gave no answer when asked for test inputs: {replies[0].error}"
            )
        for reply in replies:
            # Equal lists count once: a model that repeats itself has not written more.
            self._examples |= dict.fromkeys(map(tuple, extract_examples(self._task, reply.text)))
        self._n_prompts += _PROMPTS_A_ROUND

    def facts(self) -> dict[str, Any]:
        lengths = Counter(map(len, self._examples))
        return {
            "elements": {str(value): n for value, n in sorted(self._elements().items())},
            "lengths": {str(length): n for length, n in sorted(lengths.items())},
            "n_examples": len(self._examples),
            "n_prompts": self._n_prompts,
        }
