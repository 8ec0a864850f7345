"""Run by the harness environment's Python (`make harness`): writes inspect_reductions.eval beside
this file, with Inspect itself.

Two questions in four epochs to a mock model that gives fixed answers; scorers with every kind of
metric: letters, grouped, in a dictionary, categorical, with intervals; five ways to reduce the
epochs. Inspect itself computes every number in the log.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import inspect_ai
from inspect_ai import Epochs, Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import (
    Score,
    accuracy,
    categorical,
    ci,
    ci_wilson,
    grouped,
    mean,
    pattern,
    scorer,
    std,
    stderr,
)
from inspect_ai.solver import generate

HERE = Path(__file__).parent
ANSWERS = ["", "4", "is 5", "is 5", "is 6", "is 5", "", ""]
"""Of question 1 in its four epochs, then of question 2."""
GRADES = {"4": "I", "is 5": "C", "is 6": "P", "": "N"}


@scorer(
    metrics=[
        accuracy(),
        stderr(),
        ci(),
        ci_wilson(),
        grouped(
            accuracy(), "topic", all="groups", all_label="over", name_template="t_{group_name}"
        ),
    ]
)
def grades():
    async def score(state, target):
        return Score(value=GRADES[state.output.completion])

    return score


@scorer(metrics={"*": [mean(), stderr(), std()]})
def parts():
    async def score(state, target):
        text = state.output.completion
        return Score(
            value={
                "length": len(text),
                "some": float("nan") if text == "" else 1.0 if "5" in text else 0.0,
            }
        )

    return score


@scorer(metrics=categorical(["five", "other"]))
def kinds():
    async def score(state, target):
        return Score(value="five" if "5" in state.output.completion else "other")

    return score


def answer(messages, *_):
    asked[messages[0].text] = turn = asked.get(messages[0].text, -1) + 1
    output = ModelOutput.from_content(
        "mockllm/model", ANSWERS[4 * (int(messages[0].text[-1]) - 1) + turn]
    )
    output.usage = ModelUsage(input_tokens=7, output_tokens=2, total_tokens=9)
    return output


asked: dict[str, int] = {}
samples = [
    Sample(input=f"question {i}", target="5", id=i, metadata={"topic": "ab"[i % 2]})
    for i in (1, 2, 3)
]
scorers = [grades(), parts(), kinds(), pattern(r"is (\d)")]
log = inspect_ai.eval(
    Task(
        name="reductions",
        dataset=MemoryDataset(samples, name="made"),
        solver=generate(),
        scorer=scorers,
    ),
    model=get_model("mockllm/model", custom_outputs=answer),
    epochs=Epochs(4, ["mean", "mode", "at_least_2", "pass_at_2", "pass_k_2"]),
    log_dir="logs",
    log_format="eval",
    display="none",
    max_samples=1,
    limit=(0, 2),
)[0]
assert log.status == "success", log.error
shutil.move(log.location, HERE / "inspect_reductions.eval")
