"""What the ladder has seen and what not: disjoint sets, the stated frequencies, and a stream that
keeps to both.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from data.records import Split
from probe.ladder.compact import COPY
from probe.ladder.distribution import (
    DECADE,
    ELEMENTS,
    LENGTHS,
    LONGER_TRAINED,
    LONGER_UNSEEN,
    OOD_KINDS,
    RANKED,
    SCATTER,
    TAIL,
    is_trained,
    lengths_of,
    probability,
)
from probe.ladder.evaluate import kind_instances, main_instances
from probe.ladder.stream import Example, examples
from probe.tasks import TASKS

N_EXAMPLES = 100_000


@pytest.fixture(scope="module")
def stream() -> list[Example]:
    return list(islice(examples(seed=0), N_EXAMPLES))


def test_the_hundred_values_fall_into_trained_never_trained_and_copied_ones() -> None:
    assert (len(RANKED), len(SCATTER), len(DECADE)) == (68, 12, 20)
    assert sorted(RANKED + SCATTER + DECADE) == list(range(100))
    assert set(LONGER_TRAINED) | set(LONGER_UNSEEN) == set(range(100, 1000)) and not set(
        LONGER_TRAINED
    ) & set(LONGER_UNSEEN)
    assert set(TAIL) < set(RANKED)


def test_the_split_of_instances_is_that_of_the_values() -> None:
    assert set(ELEMENTS.id_values) == set(RANKED)
    assert set(ELEMENTS.ood_values) == set(SCATTER)
    assert not any(map(is_trained, (*SCATTER, *LONGER_UNSEEN)))
    assert all(map(is_trained, (*RANKED, *DECADE, *LONGER_TRAINED)))


def test_both_digits_of_a_never_trained_value_are_trained_in_their_places() -> None:
    firsts, lasts = {value // 10 for value in RANKED}, {value % 10 for value in RANKED}
    assert all(value // 10 in firsts and value % 10 in lasts for value in SCATTER)


def test_probabilities_fall_with_the_rank_and_add_up_to_one() -> None:
    shares = [probability(value) for value in RANKED]
    assert sum(shares) == pytest.approx(1) and shares == sorted(shares, reverse=True)
    assert shares[0] / shares[-1] == pytest.approx((67 + 5) / 5, rel=0.01)
    assert probability(SCATTER[0]) == probability(DECADE[0]) == 0


def test_never_trained_values_never_appear_in_training(stream: list[Example]) -> None:
    measured = Counter(
        number for example in stream if example.task != COPY for number in example.numbers
    )
    copied = Counter(
        number for example in stream if example.task == COPY for number in example.numbers
    )
    assert not {number for number in measured | copied if not is_trained(number)}
    assert not set(measured) & set(DECADE) and set(DECADE) <= set(copied)
    shown = {int(word) for example in stream for word in example.answer.removesuffix("$").split()}
    assert shown <= set(measured) | set(copied)


def test_what_a_prompt_shows_is_what_the_example_says(stream: list[Example]) -> None:
    for example in stream[:2_000]:
        listed = example.prompt.partition(":")[2].removesuffix("=").split()
        assert tuple(map(int, listed)) == example.numbers


def test_shares_of_the_stream_are_as_stated(stream: list[Example]) -> None:
    tasks = Counter(example.task for example in stream)
    assert tasks[COPY] / N_EXAMPLES == pytest.approx(0.03, abs=0.003)
    assert all(
        tasks[task] / N_EXAMPLES == pytest.approx(0.97 / len(LENGTHS), abs=0.004)
        for task in LENGTHS
    )
    longer = sum(max(example.numbers) >= 100 for example in stream)
    assert longer / N_EXAMPLES == pytest.approx(0.01, abs=0.002)
    firsts = Counter(example.numbers[0] for example in stream if example.task == "sort_numbers")
    n_sorted = sum(count for number, count in firsts.items() if number < 100)
    for value in RANKED[:5]:
        # Not exactly p(rank): that is the chance to be drawn first, and a list shows its numbers in
        # another order.
        assert 0.5 * probability(value) < firsts[value] / n_sorted < 1.5 * probability(value)


def test_the_same_seed_gives_the_same_stream_and_another_seed_another() -> None:
    first, again, other = (list(islice(examples(seed), 200)) for seed in (1, 1, 2))
    assert first == again and first != other


@pytest.mark.parametrize("split", list(Split))
def test_instances_of_the_main_run_keep_to_their_split(split: Split) -> None:
    allowed = set(RANKED if split is Split.ID else SCATTER)
    for task, lengths in LENGTHS.items():
        for instance in main_instances(task, split, 32):
            assert (
                set(instance.input["numbers"]) <= allowed
                and len(instance.input["numbers"]) in lengths
            )


@pytest.mark.parametrize("kind", list(OOD_KINDS))
def test_instances_of_every_ood_kind_keep_to_its_values_and_lengths(kind: str) -> None:
    made = {task: kind_instances(TASKS[task], kind, 16) for task in LENGTHS}
    # The rarest values do not end in every digit, so that some lists that hold multiples of ten
    # cannot be made of them.
    assert all(
        len(instances) == 16 or (kind == "tail" and task.endswith("multiple_ten"))
        for task, instances in made.items()
    )
    for task, instances in made.items():
        for instance in instances:
            assert set(instance.input["numbers"]) <= set(OOD_KINDS[kind].values)
            assert len(instance.input["numbers"]) in lengths_of(task, kind)
    if kind == "length":
        assert all(min(lengths_of(task, kind)) > max(LENGTHS[task]) for task in LENGTHS)
