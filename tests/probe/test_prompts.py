"""Prompt styles: what a model is asked, how its reply is read, and that a right answer is right in
every style.
"""

from __future__ import annotations

import pytest

from data.records import Outcome
from probe.ladder.distribution import LENGTHS
from probe.prompts import N_SHOTS, STYLES, PromptError, style_named
from probe.tasks import TASKS, Instance, make_batch


def instance_of(task: str) -> Instance:
    return make_batch(task, "id", 1, 5, lengths=LENGTHS.get(task))[0]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", STYLES)
def test_the_reference_written_in_a_style_is_read_as_correct(name: str, task: str) -> None:
    style, instance = style_named(name), instance_of(task)
    if style.tasks is not None and task not in style.tasks:
        with pytest.raises(PromptError, match=f"cannot ask about {task}"):
            style.prompt(instance)
        return
    prompt, answer = style.prompt(instance), style.write_reference(instance)
    assert prompt.is_chat is (name == "chat")
    reply = (
        answer
        if name in ("compact", "few_shot")
        else f"Some thoughts.\n{style.answer_lead}{answer}"
    )
    assert style.grade(instance, reply).outcome is Outcome.CORRECT


def test_zero_shot_asks_to_think_and_states_the_form() -> None:
    text = style_named("zero_shot").prompt(instance_of("two_sum")).text
    assert "step by step" in text and 'End your reply with "The answer is <answer>."' in text
    assert style_named("chat").prompt(instance_of("two_sum")).text == text


def test_few_shot_shows_solved_instances_and_reads_the_first_line() -> None:
    style, instance = style_named("few_shot"), instance_of("find_minimum")
    text = style.prompt(instance).text
    assert (
        text.count("The answer is") == N_SHOTS + 1
        and text.endswith("The answer is")
        and style.n_shot == N_SHOTS
    )
    assert (
        style.grade(instance, f" {instance.reference}.\n\nNumbers: 1 2 3\nThe answer is 1.").outcome
        is Outcome.CORRECT
    )
    assert style.prompt(instance).text == text


def test_the_compact_form_needs_its_end() -> None:
    style, instance = style_named("compact"), instance_of("sort_numbers")
    assert style.prompt(instance).text.startswith("sort: ") and style.prompt(
        instance
    ).text.endswith("=")
    assert style.decoding().keep_end and style.decoding().end_sign == "$"
    whole = style.write_reference(instance)
    assert style.grade(instance, whole.removesuffix("$")).outcome is Outcome.UNPARSED


def test_an_unknown_style_lists_those_there_are() -> None:
    with pytest.raises(PromptError, match=", ".join(STYLES)):
        style_named("haiku")
