"""What is read from a reply, and what is refused with a reason: the extraction defects of the
authors' code (E, L, K) and hostile text.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.records import Outcome
from probe.prompts import style_named
from probe.tasks import TASKS, AnswerKind, grade, make_batch
from probe.tasks.parsing import read_answer
from probe.tasks.scylla_grader import extract

INTEGER, LIST = AnswerKind.INTEGER, AnswerKind.LIST
NUMBER_TASK, LIST_TASK = TASKS["find_minimum"], TASKS["sort_numbers"]


@pytest.mark.parametrize(
    ("reply", "authors", "ours"),
    [
        ("The answer is -5.", "5.0", -5),
        ("The answer is 1,234.", "1.0", 1234),
        ("The answer is 5\n\n10 numbers were compared.", "510.0", 5),
        ("The answer is **42**, out of 7 numbers.", "7.0", 42),
        ("Answer: 42. Confidence: 95", "95.0", 42),
        ("I cannot solve this; there are 12 numbers.", "12.0", "no answer was found"),
        ("The answer is 1/2.", "1.0", "an expression"),
        ("The answer is $\\boxed{42}$ (3 steps).", "3.0", 42),
        ("The answer is 3.9", "3.9", "a decimal"),
        ("The answer is 1e3", "1.0", "letters attached"),
    ],
    ids=[f"E{number}" for number in range(1, 11)],
)
def test_a_number_is_the_one_the_reply_gives_as_its_answer(
    reply: str, authors: str, ours: int | str
) -> None:
    assert extract(NUMBER_TASK, reply) == authors
    reading = read_answer(reply, INTEGER)
    if isinstance(ours, int):
        assert reading.answer == ours
    else:
        assert reading.answer is None and ours in reading.reason


@pytest.mark.parametrize(
    ("reply", "authors", "ours"),
    [
        ("The answer is 12, 34, 56.", None, [12, 34, 56]),
        ("The answer is [12 34 56]", None, [12, 34, 56]),
        ("The answer is [1,234, 5]", "[1,234, 5]", "two readings"),
        ("The answer is (3, 5, 9)", None, [3, 5, 9]),
        (
            "Input [9, 5, 3] sorted. So the answer is 3 5 9",
            "[9, 5, 3]",
            "no list in square brackets",
        ),
    ],
    ids=[f"L{number}" for number in range(1, 6)],
)
def test_a_list_is_the_one_the_reply_gives_as_its_answer(
    reply: str, authors: str | None, ours: list[int] | str
) -> None:
    assert extract(LIST_TASK, reply) == authors
    reading = read_answer(reply, LIST)
    if isinstance(ours, list):
        assert reading.answer == ours
    else:
        assert reading.answer is None and ours in reading.reason


def test_the_authors_take_the_input_for_an_answer_in_a_reply_that_lists_it_last() -> None:
    """L4: with no readable list behind the phrase, the last list anywhere is theirs."""
    assert extract(LIST_TASK, "I sort [9, 5, 3]. The answer is (3, 5, 9)") == "[9, 5, 3]"


@pytest.mark.parametrize(
    "reply",
    [
        "42",
        "\n  42.\n",
        "Let me see.\n\n**42**",
        "The answer is 42",
        "the ANSWER IS: 42.",
        "The answer is **42**.",
        "Answer: 42",
        "**Answer:** 42",
        "Final answer = 42",
        "The answer is \\(42\\).",
        "The answer is \\[ 42 \\]",
        "The answer is $42$.",
        "\\boxed{42}",
        "The answer is \\boxed{\\text{42}}.",
        "The answer is `42`.",
        "The answer is [42].",
        "The answer is <42>.",
        "<answer>42</answer>",
        "<think>Is the answer 41? The answer is 41.</think>\n\n42",
        "The answer is 42 – the smallest.",
        "The answer is 7. No, wait: the answer is 42.",
        "The answer is 42. That answer is final.",
        "The answer to the task is 42",
        "The answer is 42!",
        "The answer is 42.Done",
        "The answer is:\n\n42\n",
        "The answer is +42",
        "The answer is\n```\n42\n```\nDone.",
        "Therefore, the answer is 42 (see 3 above).",
        "The answer is 42 - the smallest.",
    ],
)
def test_a_well_formed_integer_is_read(reply: str) -> None:
    assert read_answer(reply, INTEGER).answer == 42


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("  \n\t", "empty"),
        ("the answer is not clear", "no answer was found"),
        ("There are 5 numbers", "no answer was found"),
        ("The answer is 5.0", "decimal"),
        ("The answer is .5", "no integer"),
        ("The answer is 5%", "percentage"),
        ("The answer is 42nd", "letters attached"),
        ("The answer is 42 and 43", "more than one number"),
        ("The answer is 1 234", "more than one number"),
        ("The answer is 12,34", "commas that do not separate thousands"),
        ("The answer is 0,123", "commas that do not separate thousands"),
        ("The answer is 2^10", "expression"),
        ("The answer is 1'000", "signs between its digits"),
        ("The answer is 1\u2009000", "signs between its digits"),
        ("The answer is 4２", "letters attached"),
        ("The answer is 10²", "letters attached"),
        ("The answer is 7 – 3", "expression"),
        ("<think>The answer is 41.</think>", "nothing stands after"),
        ("The answer is 5 + 3 = 8", "expression"),
        ("The answer is 1_000", "letters attached"),
        ("The answer is - 5", "no integer"),
        ("The answer is [4, 2]", "list of 2 numbers"),
        ("The answer is \\frac{1}{2}", "no integer"),
        ("The answer is 7, then the answer is 3.9", "decimal"),
        ("The answer is " + "9" * 40, "40 digits"),
        ("The answer is\n10 numbers were compared", "no answer was found"),
        ("The answer is ٤٢", "no integer"),
        ("The answer is 7. No, the answer is ４２.", "no integer"),
        ("True", "no answer was found"),
        ("The answer is NaN", "no answer was found"),
        ("The answer is Infinity.", "no answer was found"),
    ],
)
def test_what_is_no_integer_is_refused_with_its_reason(reply: str, reason: str) -> None:
    reading = read_answer(reply, INTEGER)
    assert reading.answer is None and reason in reading.reason


@pytest.mark.parametrize(
    "reply",
    [
        "[1, 23, 4]",
        "The answer is [1, 23, 4].",
        "The answer is [1,23,4]",
        "The answer is [ 1 23  4 ]",
        "The answer is {1, 23, 4}",
        "The answer is $\\{1, 23, 4\\}$",
        "The answer is \\left[1, 23, 4\\right]",
        "The answer is \\[1, 23, 4\\]",
        "The answer is \\boxed{[1, 23, 4]}",
        "The answer is \\boxed{1, 23, 4}.",
        "The answer is:\n```json\n[1,\n 23,\n 4]\n```\nDone.",
        "[1,\n23,\n4]\n",
        "```\n[1, 23, 4]\n```",
        'The answer is ["1", "23", "4"]',
        "The answer is 1, 23, 4",
        "1, 23, 4",
        "The answer is [9]. Correction: the answer is [1, 23, 4]",
        "The answer is **[1, 23, 4]** because 1 < 4 < 23",
    ],
)
def test_a_well_formed_list_is_read(reply: str) -> None:
    assert read_answer(reply, LIST).answer == [1, 23, 4]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("The answer is [[1,2],[3]]", "list within a list"),
        ("The answer is [1, 2", "not closed"),
        ("The answer is [1.5, 2]", "'1.5'"),
        ("The answer is [1, ..., 5]", "'...'"),
        ("The answer is [1 234, 5]", "'1 234'"),
        ("The answer is [1,2,]", "''"),
        ("The answer is 7", "no list"),
        ("The answer is 1, 2, 3 and so on", "no list"),
        ("The answer is [x, y]", "no answer was found"),
        ("Numbers: [9, 5, 3]", "no answer was found"),
        ("[9, 5, 3] is the input", "no answer was found"),
        ("The answer is [1,000, 2,000]", "two readings"),
        ("The answer is [" + "9" * 400 + "]", "400 digits"),
        ("The answer is [true, 5]", "no answer was found"),
        ("The answer is [1, null]", "'null'"),
        ("The answer is [1, 2] or [3, 4]", "more than one list"),
        ("The answer is [1, 2] + [3]", "more than one list"),
        ("The answer is [１, ２]", "no integer"),
        ("The answer is [1, NaN]", "'NaN'"),
    ],
)
def test_what_is_no_list_is_refused_with_its_reason(reply: str, reason: str) -> None:
    reading = read_answer(reply, LIST)
    assert reading.answer is None and reason in reading.reason


def test_an_en_dash_before_a_number_is_its_sign() -> None:
    assert read_answer("The answer is 7. No: the answer is \u201342.", INTEGER).answer == -42


@pytest.mark.parametrize("task", TASKS)
def test_a_reply_that_repeats_the_prompt_has_not_answered_with_its_example(task: str) -> None:
    """With four cities the example of the tours would be a right answer to one question in
    three.
    """
    instance = make_batch(task, "id", 1, 0)[0]
    assert grade(instance, instance.prompt).outcome is Outcome.UNPARSED
    assert style_named("chat").grade(instance, instance.prompt).outcome is Outcome.UNPARSED
    assert (
        grade(instance, f"{instance.prompt} Yes.\nThe answer is {instance.reference}.").outcome
        is Outcome.CORRECT
    )


def test_a_reason_can_be_stored_whatever_the_reply_holds() -> None:
    reading = read_answer("The answer is 5\ud8005 [\x00", INTEGER)
    assert reading.reason.encode()
    assert read_answer("The answer is [1, \ud800]", LIST).reason.encode()


def test_an_empty_list_is_an_answer() -> None:
    assert read_answer("The answer is [].", LIST).answer == []


@settings(max_examples=60, deadline=None)
@given(
    answer=st.integers(-(10**9), 10**9),
    before=st.text(max_size=40),
    after=st.text(alphabet="abc \n!?", max_size=20),
)
def test_whatever_stands_around_it_the_stated_integer_is_read(
    answer: int, before: str, after: str
) -> None:
    assert read_answer(f"{before}\nThe answer is {answer}. {after}", INTEGER).answer == answer


@settings(max_examples=60, deadline=None)
@given(reply=st.text(max_size=200), kind=st.sampled_from(list(AnswerKind)))
def test_any_text_gives_an_answer_of_its_kind_or_a_reason(reply: str, kind: AnswerKind) -> None:
    reading = read_answer(reply, kind)
    assert reading.reason and len(reading.reason) < 200
    if reading.answer is not None:
        assert isinstance(reading.answer, int if kind is INTEGER else list)


HOSTILE = {
    "opening brackets": ("answer is ", "["),
    "digits": ("answer is ", "9"),
    "spaces": ("x", " "),
    "markers": ("", "answer is "),
    "markers with brackets": ("", "answer is ["),
    "boxes": ("", "\\boxed{"),
    "stars": ("answer is ", "*"),
    "numbers": ("answer is ", "1, "),
    "almost markers": ("", "answer     "),
    "thousands": ("answer is 1", ",000"),
    "backslashes": ("", "\\"),
    "closing brackets": ("", "]"),
}
"""What comes first, and what is repeated after it."""
GRADINGS = tuple(
    (task, grader)
    for task in ("find_minimum", "sort_numbers")
    for grader in ("charybdis", "scylla")
)


@pytest.mark.parametrize("name", HOSTILE)
def test_five_megabytes_on_one_line_are_read_in_linear_time(name: str) -> None:
    """Seconds at most, where quadratic reading would take hours; under both graders, for numbers
    and lists.
    """
    first, repeated = HOSTILE[name]
    reply = first + repeated * (5_000_000 // len(repeated))
    for task, grader in GRADINGS:
        started = time.process_time()
        graded = grade(make_batch(task, "id", 1, 0)[0], reply, grader)
        assert time.process_time() - started < 15
        assert graded.outcome is not Outcome.CORRECT


def test_the_ten_thousandth_unreadable_answer_costs_what_the_first_did() -> None:
    """K1: the authors' list of phrases grows with every call; here the last thousand cost at most
    1.2 times the first.
    """
    instance = make_batch("find_minimum", "id", 1, 0)[0]
    reply = (
        "I am not able to say which of these it is, since the list is long and I have no time. " * 4
    )

    def thousand() -> float:
        started = time.process_time()
        for _ in range(1_000):
            assert grade(instance, reply).outcome is Outcome.UNPARSED
        return time.process_time() - started

    spent = [thousand() for _ in range(10)]
    assert min(spent[-3:]) <= 1.2 * max(min(spent[:3]), 1e-3)
