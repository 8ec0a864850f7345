"""Speed of the probe against `model.generate`, of batches against single prompts, and the overhead
of the run loop.

    python -m benchmarks.probe

CPU time in one process, contenders alternating; ratios are of medians. Weights are random unless
shipped ones are named: speed does not depend on their values.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from data.bootstrap import open_store
from data.probe_sink import StoreSink
from probe.ladder.compact import write_tokenizer
from probe.models import Decoding, Prompt, ladder_names, open_model
from probe.models.hf import LocalModel
from probe.prompts import style_named
from probe.run_loop import Finished, ProbeSpec, run_probe
from probe.tasks import make_batch

BATCH, NEW_TOKENS, REPEATS = 32, 64, 5
TARGET_GENERATE, TARGET_BATCH, TARGET_LOOP = 1.15, 10.0, 0.10


def cpu_s(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def medians(*contenders: Callable[[], Any], repeats: int = REPEATS) -> list[float]:
    """Median CPU time of each, after one warm-up round; they alternate, so that all are measured
    under the same load.
    """
    for work in contenders:
        work()
    rounds = [[cpu_s(work) for work in contenders] for _ in range(repeats)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def make_ten_million(folder: Path) -> Path:
    """A Llama of 10 million parameters that never ends a reply, so that every contender makes the
    same number of tokens.
    """
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=8192,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=8,
        num_attention_heads=8,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=0,
        eos_token_id=8191,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def prompts_of(n: int) -> list[Prompt]:
    style = style_named("compact")
    return [style.prompt(one) for one in make_batch("sort_numbers", "id", n, 0, lengths=(4, 5, 6))]


def against_generate(model: LocalModel) -> dict[str, Any]:
    """The same tokens with a log-probability each: ours, and `generate` with scores and
    `compute_transition_scores`.
    """
    prompts = prompts_of(BATCH)
    texts = [prompt.text for prompt in prompts]
    tokenizer, network = model._tokenizer, model._model
    decoding = Decoding(NEW_TOKENS)

    def generate() -> tuple[list[list[int]], torch.Tensor]:
        inputs = tokenizer(texts, return_tensors="pt", padding=True, padding_side="left")
        asked = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
        made = network.generate(
            **asked,
            max_new_tokens=NEW_TOKENS,
            do_sample=False,
            output_scores=True,
            return_dict_in_generate=True,
        )
        scores = network.compute_transition_scores(
            made.sequences, made.scores, normalize_logits=True
        )
        return made.sequences[:, asked["input_ids"].shape[1] :].tolist(), scores

    tokens, scores = generate()
    ours: list[list[int]] = [[] for _ in prompts]
    logprobs: list[list[float]] = [[] for _ in prompts]
    for step in model._steps(model._encode(prompts), decoding, 0):
        for row, token, value in zip(step.rows, step.tokens, step.logprobs, strict=True):
            ours[row].append(token)
            logprobs[row].append(value)
    difference = (torch.tensor(logprobs) - scores).abs().max().item()
    theirs_s, ours_s = medians(generate, lambda: model.reply(prompts, decoding))
    return {
        "same_tokens": tokens == ours,
        "largest_logprob_difference": difference,
        "generate_tokens_per_cpu_s": BATCH * NEW_TOKENS / theirs_s,
        "tokens_per_cpu_s": BATCH * NEW_TOKENS / ours_s,
        "ratio": theirs_s / ours_s,
        "target": TARGET_GENERATE,
    }


def against_one_by_one(name: str, n: int = 256) -> dict[str, Any]:
    """The ladder's model: a batch of n prompts, and the same prompts one at a time."""
    prompts, decoding = prompts_of(n), style_named("compact").decoding()
    with open_model(f"ladder:{name}", device="cpu") as model:
        together_s, apart_s = medians(
            lambda: model.reply(prompts, decoding),
            lambda: [model.reply([prompt], decoding) for prompt in prompts[: n // 8]],
            repeats=3,
        )
    return {
        "model": name,
        "ms_each": together_s / n * 1e3,
        "ms_each_alone": apart_s / (n // 8) * 1e3,
        "ratio": apart_s * 8 / together_s,
    }


def loop_share(name: str, n: int = 256) -> dict[str, Any]:
    """CPU time of grading and storing relative to that of the model, over a run of all the ladder's
    tasks.

    The loop uses CPU time as its clock: with wall time, a busy machine makes batches small, and
    storing them takes most of the time.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        open_model(f"ladder:{name}", device="cpu") as model,
    ):
        store = open_store(folder, empty=True)
        list(run_probe(model, ProbeSpec(n=2, seed=1), StoreSink(store)))
        spent = {"model": 0.0, "instances": 0.0}

        def timed(part: str, work: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **kwargs: Any) -> Any:
                began = time.process_time()
                try:
                    return work(*args, **kwargs)
                finally:
                    spent[part] += time.process_time() - began

            return run

        model.reply, model.answer_logprobs = (
            timed("model", model.reply),
            timed("model", model.answer_logprobs),
        )  # type: ignore[method-assign]
        import probe.run_loop as running

        make, running.make_batch = running.make_batch, timed("instances", running.make_batch)
        running.time = SimpleNamespace(monotonic=time.process_time)  # type: ignore[assignment]
        try:
            began = time.process_time()
            *_, finished = run_probe(model, ProbeSpec(n=n), StoreSink(store))
            whole_s = time.process_time() - began
        finally:
            running.make_batch, running.time = make, time
        assert isinstance(finished, Finished)
        loop_s = whole_s - spent["model"] - spent["instances"]
        store.close()
    return {
        "model": name,
        "samples": finished.n_done,
        "model_s": spent["model"],
        "instances_s": spent["instances"],
        "loop_s": loop_s,
        "instances_share": spent["instances"] / spent["model"],
        "loop_share": loop_s / spent["model"],
        "target": TARGET_LOOP,
    }


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        made = make_ten_million(Path(folder) / "ten-million")
        with LocalModel(str(made), ref="ten-million", device="cpu", dtype="float32") as model:
            model.batch_size = BATCH
            print(json.dumps({"against_generate": against_generate(model)}, indent=1))
    names = [name for name in ladder_names() if name.endswith("-s0")]
    ends = list(dict.fromkeys((names[0], names[-1])))
    print(
        json.dumps(
            {"batched": [against_one_by_one(name) for name in ends], "target": TARGET_BATCH},
            indent=1,
        )
    )
    print(json.dumps({"loop": [loop_share(name) for name in names]}, indent=1))


if __name__ == "__main__":
    main()
