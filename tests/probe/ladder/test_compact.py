"""The compact prompt style: what is asked, what is read, and a tokenizer that turns both into
tokens and back.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from data.records import Outcome, Split
from probe.ladder.compact import (
    END,
    MAX_NEW_TOKENS,
    VOCABULARY,
    WORDS,
    decode,
    encode,
    read,
    render,
    render_answer,
    write_tokenizer,
)
from probe.ladder.distribution import LENGTHS, OOD_KINDS
from probe.ladder.evaluate import kind_instances, main_instances
from probe.ladder.stream import examples
from probe.tasks import TASKS, Answer
from probe.tasks.grading import judge
from probe.tasks.inputs import Input


@pytest.mark.parametrize(
    ("task", "given", "prompt", "answer", "reply"),
    [
        (
            "sort_numbers",
            {"numbers": [48, 2, 64, 29, 61]},
            "sort: 48 02 64 29 61=",
            [2, 29, 48, 61, 64],
            " 02 29 48 61 64$",
        ),
        (
            "three_sum",
            {"numbers": [48, 2, 64, 29], "target": 95},
            "threesum 095: 48 02 64 29=",
            [2, 64, 29],
            " 02 64 29$",
        ),
        (
            "four_sum_in_range",
            {"numbers": [1, 2, 3, 4], "low": 9, "high": 11},
            "fourrange 009 011: 01 02 03 04=",
            [1, 2, 3, 4],
            " 01 02 03 04$",
        ),
        ("find_topk", {"numbers": [1, 20, 3, 14], "k": 2}, "topk 2: 01 20 03 14=", 14, " 14$"),
        (
            "two_sum",
            {"numbers": [100, 20, 300], "target": 400},
            "twosum 0400: 100 020 300=",
            [100, 300],
            " 100 300$",
        ),
    ],
)
def test_an_input_is_asked_and_answered_like_this(
    task: str, given: Input, prompt: str, answer: Answer, reply: str
) -> None:
    assert render(TASKS[task], given) == prompt
    assert render_answer(given, answer) == reply
    assert read(TASKS[task], reply).answer == answer


@pytest.mark.parametrize("task", list(LENGTHS))
def test_the_reference_is_read_back_and_right(task: str) -> None:
    instances = [instance for split in Split for instance in main_instances(task, split, 32)]
    instances += [
        instance for kind in OOD_KINDS for instance in kind_instances(TASKS[task], kind, 8)
    ]
    for instance in instances:
        reply = render_answer(instance.input, instance.reference)
        grade = judge(TASKS[task], instance, read(TASKS[task], reply))
        assert grade.outcome is Outcome.CORRECT and grade.answer == instance.reference
        assert len(encode(reply)) <= MAX_NEW_TOKENS


@pytest.mark.parametrize("task", list(LENGTHS))
def test_what_training_shows_is_the_reference(task: str) -> None:
    """Chosen numbers stand in the order of the list, in training and in the reference that
    log-probabilities are taken of.
    """
    for instance in main_instances(task, Split.ID, 64):
        numbers = instance.input["numbers"]
        if isinstance(instance.reference, list) and hasattr(TASKS[task], "size"):
            places = [numbers.index(number) for number in instance.reference]
            assert places == sorted(places)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (" 02 29", "no end sign"),
        ("", "no end sign"),
        ("$", "not a list"),
        (" 02=$", "not a list"),
        ("sort: 02$", "not a list"),
    ],
)
def test_a_reply_that_is_no_answer_says_why(reply: str, reason: str) -> None:
    reading = read(TASKS["sort_numbers"], reply)
    assert reading.answer is None and reason in reading.reason


def test_two_numbers_are_no_answer_where_one_is_asked_for() -> None:
    assert read(TASKS["find_minimum"], " 02 03$").answer is None


def test_what_follows_the_end_sign_does_not_count() -> None:
    assert read(TASKS["find_minimum"], " 02$ 77$").answer == 2


def test_tokens_and_text_are_the_same_for_us_and_for_transformers(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer) == len(VOCABULARY)
    assert tokenizer.eos_token == END and tokenizer.padding_side == "left"
    for example in islice(examples(3), 500):
        text = example.prompt + example.answer
        ids = encode(text)
        assert tokenizer(text)["input_ids"] == ids
        assert tokenizer.decode(ids) == decode(ids) == text


def test_a_two_digit_number_is_two_tokens_and_a_task_word_one() -> None:
    assert [decode([one]) for one in encode("sort: 48 02=")] == [
        "sort",
        ":",
        " 4",
        "8",
        " 0",
        "2",
        "=",
    ]


def test_every_trained_task_has_a_word() -> None:
    assert set(WORDS) == set(LENGTHS)


def test_text_of_another_style_is_refused() -> None:
    with pytest.raises(ValueError, match="compact style"):
        encode("Sort: [1, 2]")
