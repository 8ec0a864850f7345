"""Runs of the ladder with every sample: the answers of a model ID and under each OOD kind, and its
probability of the right answer.

It uses `probe.models`, like a live probe, so that a probe with the ID source `ladder` repeats these
runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from typing import Any

from data.records import SCYLLA_SCHEME, Outcome, RunInfo, ScoredSample, Split
from probe.ladder import compact
from probe.ladder.distribution import ELEMENTS, LENGTHS, OOD_KINDS, lengths_of, pool_of
from probe.ladder.sizes import Rung, model_name
from probe.models.base import Decoding, Model, Prompt
from probe.tasks import TASKS, Instance, Task, make_batch
from probe.tasks.elements import TaskError
from probe.tasks.grading import judge

N_FINAL, N_KIND, N_CHECKPOINT = 256, 128, 32
"""Instances per task and split: of the finished model, of each further OOD kind, of an intermediate
checkpoint.
"""
INSTANCE_SEED = 0
FURTHER_KINDS = tuple(kind for kind in OOD_KINDS if kind != "scatter")
_DECIMALS = 3
"""Log-probabilities are rounded to a thousandth: smaller differences vary between machines, and
files stay small.
"""
_TRIES = 500


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the training of a model."""

    step: int
    tokens: int
    checkpoint: str | None
    facts: dict[str, Any]
    is_last: bool


def main_instances(task: str, split: Split, n: int) -> list[Instance]:
    """The instances of the main run; a smaller n gives the first instances of a larger n."""
    return make_batch(task, split, n, INSTANCE_SEED, lengths=LENGTHS[task], elements=ELEMENTS)


def kind_instances(task: Task, kind: str, n: int) -> list[Instance]:
    """n different instances of an OOD kind, or as many as there are; none for a kind whose values
    the task cannot use.
    """
    seed = blake2b(f"{task.name}\n{kind}\n{INSTANCE_SEED}".encode(), digest_size=8).digest()
    rng, pool = random.Random(int.from_bytes(seed)), pool_of(kind)
    made: dict[str, Instance] = {}
    try:
        for _ in range(n + _TRIES):
            if len(made) == n:
                break
            given = task.draw(task.draw_pattern(rng, lengths_of(task.name, kind)), rng, pool)
            instance = task.instance(given, Split.OOD)
            made.setdefault(instance.instance_id, instance)
    except TaskError:
        return []
    return list(made.values())


def ask(model: Model, run_id: str, instances: Sequence[Instance]) -> list[ScoredSample]:
    """One sample per instance, in their order."""
    prompts = [
        Prompt(compact.render(TASKS[instance.task], instance.input)) for instance in instances
    ]
    replies = model.reply(prompts, Decoding(max_new_tokens=compact.MAX_NEW_TOKENS, keep_end=True))
    answers = [compact.render_answer(instance.input, instance.reference) for instance in instances]
    likely = model.answer_logprobs(list(zip(prompts, answers, strict=True)))
    samples = []
    for instance, prompt, answer, reply, logprob in zip(
        instances, prompts, answers, replies, likely, strict=True
    ):
        task = TASKS[instance.task]
        grade = judge(task, instance, compact.read(task, reply.text))
        samples.append(
            ScoredSample(
                run_id=run_id,
                task=instance.task,
                instance_id=instance.instance_id,
                split=instance.split,
                level=instance.level,
                outcome=grade.outcome,
                score=float(grade.outcome is Outcome.CORRECT),
                input=prompt.text,
                target=answer,
                response=reply.text,
                parsed_answer=None if grade.answer is None else str(grade.answer),
                reason=grade.reason,
                answer_logprob=None if logprob is None else round(logprob, _DECIMALS),
                token_logprobs=(
                    None
                    if reply.token_logprobs is None
                    else tuple(round(one, _DECIMALS) for one in reply.token_logprobs)
                ),
                n_input_tokens=reply.n_input_tokens,
                n_output_tokens=reply.n_output_tokens,
            )
        )
    return samples


def evaluate(
    model: Model, rung: Rung, seed: int, moment: Moment
) -> Iterator[RunInfo | list[ScoredSample]]:
    """The main run, ID and scatter. Before it, for the finished model of seed 0, one run per
    further OOD kind, which repeats the first ID answers of the main run, so that it has its own
    gap. Each run comes before its samples; the main run is the last, so that it is the newest of
    its model.
    """
    n = N_FINAL if moment.is_last else N_CHECKPOINT
    main = _run(rung, seed, moment, "scatter")
    answered = {
        (task, split): ask(model, main.run_id, main_instances(task, split, n))
        for task in LENGTHS
        for split in Split
    }
    for kind in FURTHER_KINDS if moment.is_last and seed == 0 else ():
        run = _run(rung, seed, moment, kind)
        yield run
        for task in LENGTHS:
            if instances := kind_instances(TASKS[task], kind, N_KIND):
                yield [
                    replace(sample, run_id=run.run_id)
                    for sample in answered[task, Split.ID][:N_KIND]
                ]
                yield ask(model, run.run_id, instances)
    yield main
    yield from answered.values()


def _run(rung: Rung, seed: int, moment: Moment, kind: str) -> RunInfo:
    name = model_name(rung, seed)
    identity = f"ladder\n{name}\n{moment.step}\n{kind}\n{INSTANCE_SEED}"
    return RunInfo(
        run_id="r" + sha256(identity.encode()).hexdigest()[:15],
        model_raw=name,
        format="probe",
        benchmark="scylla",
        checkpoint=moment.checkpoint,
        step=moment.step,
        train_tokens=float(moment.tokens),
        n_params=rung.n_params,
        dtype="float32",
        harness="charybdis ladder",
        n_shot=0,
        level_scheme=SCYLLA_SCHEME,
        id_source=ELEMENTS.name,
        seeds={"training": seed, "instances": INSTANCE_SEED},
        generation={
            "style": compact.STYLE,
            "temperature": 0.0,
            "max_new_tokens": compact.MAX_NEW_TOKENS,
        },
        metadata={
            "family": "ladder",
            "rung": rung.name,
            "ood_kind": kind,
            "ood_label": OOD_KINDS[kind].label,
            "train_flops": rung.train_flops(moment.tokens),
            "learning_rate": rung.learning_rate,
            "grader": "charybdis",
            **({"note": rung.note} if rung.note else {}),
            **moment.facts,
        },
    )
