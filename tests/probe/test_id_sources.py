"""Where ID comes from: stated ranges, the ladder's training, or a model's own test inputs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from data.bootstrap import open_store
from data.probe_sink import StoreSink
from data.records import RunStatus
from probe.id_sources import (
    MIN_ELEMENTS,
    MIN_EXAMPLES,
    Elicitation,
    IdSource,
    IdSourceError,
    elicit,
    elicitation_prompt,
    extract_examples,
    ladder_source,
    range_source,
    read_source,
)
from probe.ladder.distribution import ID_VALUES, SCATTER
from probe.models import Decoding, Prompt, Reply
from probe.models.demo import OracleModel
from probe.run_loop import Finished, ProbeSpec, run_probe
from probe.tasks import TASKS, make_batch


class Writer(OracleModel):
    """Writes test inputs of numbers below 50 when asked for them, a little more with every prompt;
    knows answers otherwise.
    """

    def __init__(self, lists_per_reply: int = 4) -> None:
        super().__init__()
        self.n_asked, self._n = 0, lists_per_reply

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding, **others: object) -> list[Reply]:
        if "Test inputs" not in prompts[0].text:
            return super().reply(prompts, decoding)
        self.n_asked += len(prompts)
        rng = random.Random(decoding.seed)
        return [
            Reply(
                text="\n".join(str([rng.randrange(50) for _ in range(6)]) for _ in range(self._n))
            )
            for _ in prompts
        ]


def elicited(model: Writer, *tasks: str) -> tuple[list[Elicitation], IdSource]:
    *steps, source = elicit(model, tasks)
    assert isinstance(source, IdSource)
    return [step for step in steps if isinstance(step, Elicitation)], source


def test_elicited_elements_are_those_the_model_wrote_and_ood_is_the_rest() -> None:
    steps, source = elicited(Writer(), "sort_numbers", "two_sum")
    said = source.of("two_sum")
    assert (
        set(said.elements.id_values) <= set(range(50))
        and len(set(said.elements.id_values)) >= MIN_ELEMENTS
    )
    assert set(said.elements.ood_values) == set(range(10_000)) - set(said.elements.id_values)
    assert said.lengths is not None and set(said.lengths) == {6}
    assert [step.task for step in steps if step.is_enough] == ["sort_numbers", "two_sum"]
    assert (
        all(step.n_examples >= MIN_EXAMPLES for step in steps if step.is_enough)
        and not steps[0].is_enough
    )


@pytest.mark.parametrize("task", ["sort_numbers", "three_sum", "longest_common_subarray"])
def test_instances_of_an_elicited_source_have_its_lengths_in_both_splits(task: str) -> None:
    _, source = elicited(Writer(), task)
    said = source.of(task)
    for split in ("id", "ood"):
        for instance in make_batch(
            task, split, 10, 0, lengths=said.lengths, elements=said.elements
        ):
            assert len(instance.input.get("numbers", instance.input.get("first"))) == 6


def test_too_few_test_inputs_are_an_error_with_the_counts() -> None:
    model = Writer(lists_per_reply=0)
    with pytest.raises(
        IdSourceError,
        match=(
            r"asked 16 times .* two_sum and wrote 0 that can be used, with 0 different numbers; at"
            r" least 40"
        ),
    ):
        list(elicit(model, ["two_sum"]))
    assert model.n_asked == 16


class Repeater(Writer):
    """Writes the same two lists whenever it is asked."""

    def reply(self, prompts: Sequence[Prompt], decoding: Decoding, **others: object) -> list[Reply]:
        self.n_asked += len(prompts)
        return [Reply(text="[1, 2, 3, 4]\n[5, 6, 7, 8]") for _ in prompts]


def test_a_model_that_repeats_itself_is_asked_up_to_the_limit_and_then_refused() -> None:
    model = Repeater()
    with pytest.raises(
        IdSourceError, match=r"asked 64 times .* wrote 2 that can be used, with 8 different numbers"
    ):
        list(elicit(model, ["two_sum"]))
    assert model.n_asked == 64


def test_examples_are_taken_only_where_they_can_be_inputs() -> None:
    task = TASKS["sort_numbers"]
    text = (
        "1. [3, 1, 2, 9]\n[1,2]\n[1, 2, 3, 4.5]\n[-1, 2, 3, 4]\n[12345, 1, 2, 3]\n[7; 8; 9;"
        " 10]\nThe list [5 6 7 8 9] too, [a, b, c, d]"
    )
    assert extract_examples(task, text) == [[3, 1, 2, 9], [7, 8, 9, 10], [5, 6, 7, 8, 9]]
    assert task.instruction in elicitation_prompt(task)


@pytest.mark.parametrize("name", ["range", "ladder", "elicited"])
def test_a_source_is_made_again_from_what_is_stored_of_it(name: str) -> None:
    source = {
        "range": range_source,
        "ladder": ladder_source,
        "elicited": lambda: elicited(Writer(), "two_sum")[1],
    }[name]()
    again = read_source(json.loads(json.dumps(source.facts)))
    assert again.name == name and again.of("two_sum").lengths == source.of("two_sum").lengths
    assert sorted(again.of("two_sum").elements.id_values) == sorted(
        source.of("two_sum").elements.id_values
    )


def test_the_ladder_source_is_the_known_training_distribution() -> None:
    elements = ladder_source().of("sort_numbers").elements
    assert elements.id_values == ID_VALUES and elements.ood_values == SCATTER
    with pytest.raises(IdSourceError, match="says nothing about tsp"):
        ladder_source().of("tsp")
    with pytest.raises(IdSourceError, match="no OOD 'mix'"):
        ladder_source("mix")


def test_a_stopped_run_goes_on_with_the_numbers_that_were_elicited(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    spec = ProbeSpec(tasks=("two_sum",), n=80, id_source="elicited")
    first = Writer()
    events = run_probe(first, spec, StoreSink(store))
    for event in events:
        if not isinstance(event, Elicitation) and getattr(event, "n_done", 0) == 64:
            events.close()  # type: ignore[attr-defined]
            break
    again = Writer()
    finished = list(run_probe(again, spec, StoreSink(store)))[-1]
    assert (
        isinstance(finished, Finished)
        and finished.status is RunStatus.SUCCESS
        and finished.n_done == 160
    )
    assert first.n_asked > 0 and again.n_asked == 0
    metadata = StoreSink(store).stored_metadata(finished.run_id)
    assert (
        metadata is not None
        and metadata["id_source"]["tasks"]["two_sum"]["n_examples"] >= MIN_EXAMPLES
    )


def test_stopping_while_test_inputs_are_asked_for_stores_no_run(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    asked = OracleModel()
    finished = list(
        run_probe(
            asked,
            ProbeSpec(tasks=("two_sum",), id_source="elicited"),
            StoreSink(store),
            should_stop=lambda: True,
        )
    )[-1]
    assert (
        isinstance(finished, Finished)
        and finished.status is RunStatus.PARTIAL
        and finished.n_done == 0
    )
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
