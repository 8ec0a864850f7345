"""The training stream: instances of the trained tasks as token numbers, in an order that depends
only on the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.records import Split
from probe.ladder.compact import COPY, PAD, TOKEN_IDS, encode, render, render_answer, render_copy
from probe.ladder.distribution import DECADE, ELEMENTS, LENGTHS, LONGER_TRAINED, RANKED
from probe.tasks.elements import Pool, below, between
from probe.tasks.registry import TASKS

COPY_SHARE, LONGER_SHARE = 0.03, 0.01
ANSWER_WEIGHT, PROMPT_WEIGHT = 1.0, 0.1
BATCH = 128
_CHUNK = 64
"""Number of batches sorted by length together, so that less than 5 % of a batch is padding."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """One training instance; `numbers` are the elements of its list."""

    task: str
    prompt: str
    answer: str
    numbers: tuple[int, ...]


def examples(seed: int) -> Iterator[Example]:
    """An infinite stream of training instances."""
    rng = random.Random(1_000_003 * (seed + 1))
    tasks = [TASKS[name] for name in LENGTHS]
    trained, longer, copied = (
        ELEMENTS.pools[Split.ID],
        Pool(LONGER_TRAINED),
        Pool(tuple(sorted(RANKED + DECADE))),
    )
    while True:
        kind = rng.random()
        if kind < COPY_SHARE:
            numbers = copied.distinct(rng, between(rng, 4, 8))
            prompt, answer = render_copy(numbers)
            yield Example(COPY, prompt, answer, tuple(numbers))
            continue
        task = tasks[below(rng, len(tasks))]
        pool = longer if kind < COPY_SHARE + LONGER_SHARE else trained
        given = task.draw(task.draw_pattern(rng, LENGTHS[task.name]), rng, pool)
        answer = render_answer(given, task.solve(given))
        yield Example(task.name, render(task, given), answer, tuple(given["numbers"]))


@dataclass(frozen=True, slots=True)
class Batch:
    """Token numbers, padded on the right, and the loss weight of predicting each."""

    ids: Ints
    weights: Floats
    n_tokens: int
    """Without padding."""


def token_examples(seed: int, n_tokens: int) -> tuple[list[npt.NDArray[np.uint8]], list[int]]:
    """Instances as token numbers until there are n_tokens, and the length of each prompt."""
    rows: list[npt.NDArray[np.uint8]] = []
    prompts: list[int] = []
    seen = 0
    for example in examples(seed):
        if seen >= n_tokens:
            break
        prompt, answer = encode(example.prompt), encode(example.answer)
        rows.append(np.array(prompt + answer, dtype=np.uint8))
        prompts.append(len(prompt))
        seen += len(prompt) + len(answer)
    return rows, prompts


def batches(seed: int, rows: list[npt.NDArray[np.uint8]], prompts: list[int]) -> Iterator[Batch]:
    """The instances in batches of nearly equal lengths, in an order that mixes the lengths."""
    rng = random.Random(7_000_003 * (seed + 1))
    size = BATCH * _CHUNK
    for start in range(0, len(rows), size):
        places = sorted(
            range(start, min(start + size, len(rows))), key=lambda place: len(rows[place])
        )
        groups = [places[first : first + BATCH] for first in range(0, len(places), BATCH)]
        order = sorted((rng.random(), number) for number in range(len(groups)))
        for _, number in order:
            yield _batch(
                [rows[place] for place in groups[number]],
                [prompts[place] for place in groups[number]],
            )


def _batch(rows: list[Any], prompts: list[int]) -> Batch:
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), TOKEN_IDS[PAD], dtype=np.int64)
    weights = np.zeros((len(rows), longest), dtype=np.float32)
    for place, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
        ids[place, : len(row)] = row
        weights[place, :prompt] = PROMPT_WEIGHT
        weights[place, prompt : len(row)] = ANSWER_WEIGHT
    return Batch(ids, weights, sum(map(len, rows)))
