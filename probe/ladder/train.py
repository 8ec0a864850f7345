"""Train one model of the ladder: Llama-style, Muon on the hidden matrices, AdamW on the rest,
cosine to zero.

The same seed on the same class of device gives the same weights, bit by bit: one thread,
deterministic kernels, a stream that depends only on the seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from probe.ladder.compact import END, PAD, TOKEN_IDS, VOCABULARY, write_tokenizer
from probe.ladder.sizes import TRAIN_TOKENS, Rung, model_name
from probe.ladder.stream import ANSWER_WEIGHT, Batch, batches, token_examples

CHECKPOINTS = tuple(TRAIN_TOKENS // 2**halving for halving in range(5, -1, -1))
"""Numbers of tokens after which a model is evaluated; the last is the end."""
MUON_FACTOR = 3.0
WARM_UP = 0.02
CLIP = 1.0

OnCheckpoint = Callable[["Checkpoint"], None]
Stream = tuple[list[npt.NDArray[np.uint8]], list[int]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model during or at the end of its training."""

    model: LlamaForCausalLM
    step: int
    tokens: int
    answer_loss: float
    """Mean over the last steps, in nats per answer token."""
    cpu_seconds: float
    is_last: bool


@dataclass(slots=True)
class _State:
    step: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)


def new_model(rung: Rung, seed: int) -> LlamaForCausalLM:
    """An untrained model of this size."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=rung.width,
        intermediate_size=rung.hidden,
        num_hidden_layers=rung.layers,
        num_attention_heads=rung.heads,
        num_key_value_heads=rung.heads,
        max_position_embeddings=128,
        initializer_range=1 / math.sqrt(rung.width) / 2,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=TOKEN_IDS[END],
        pad_token_id=TOKEN_IDS[PAD],
        attention_dropout=0.0,
        use_cache=True,
    )
    model = LlamaForCausalLM(config)
    counted = sum(parameter.numel() for parameter in model.parameters())
    if counted != rung.n_params:
        raise RuntimeError(
            f"{rung.name} has {counted} parameters, and its row in sizes.py says {rung.n_params}."
        )
    return model


def train(
    rung: Rung,
    seed: int,
    on_checkpoint: OnCheckpoint,
    stream: Stream | None = None,
    n_steps: int | None = None,
) -> LlamaForCausalLM:
    """Train one model to `TRAIN_TOKENS`, or for n_steps.

    Args: on_checkpoint is called with the model after each of `CHECKPOINTS`; it may evaluate the
    model and must not change it. stream: the instances of this seed, if they were made before.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rows, prompts = stream or token_examples(seed, TRAIN_TOKENS)
    plan = list(batches(seed, rows, prompts))[:n_steps]
    total = sum(batch.n_tokens for batch in plan)
    model = new_model(rung, seed)
    optimizers = _optimizers(model, rung.learning_rate)
    state, waiting = _State(), [target for target in CHECKPOINTS[:-1] if target < total]
    started, elsewhere = time.process_time(), 0.0
    for batch in plan:
        _set_rate(optimizers, _rate(state.tokens / total))
        state.losses.append(_step(model, optimizers, batch))
        state.step += 1
        state.tokens += batch.n_tokens
        is_last = state.step == len(plan)
        if is_last or (waiting and state.tokens >= waiting[0]):
            waiting = waiting[1:]
            trained = time.process_time()
            recent = float(np.mean(state.losses[-50:]))
            on_checkpoint(
                Checkpoint(
                    model, state.step, state.tokens, recent, trained - started - elsewhere, is_last
                )
            )
            elsewhere += time.process_time() - trained
    return model


def _optimizers(model: LlamaForCausalLM, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices that multiply hidden states, AdamW for the embedding and the norms."""
    hidden = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim == 2 and "embed" not in name
    ]
    chosen = {id(parameter) for parameter in hidden}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    optimizers = [
        torch.optim.Muon(
            hidden, lr=MUON_FACTOR * rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def _rate(progress: float) -> float:
    """Share of the peak learning rate: warm-up for 2 %, then a cosine to zero."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def _set_rate(optimizers: list[torch.optim.Optimizer], share: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share


def _step(model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer], batch: Batch) -> float:
    """One training step; returns the loss per answer token."""
    ids, weights = torch.from_numpy(batch.ids), torch.from_numpy(batch.weights)[:, 1:]
    # Padding is on the right, where causal attention does not see it: no mask is needed.
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
    ).view_as(weights)
    loss = (losses * weights).sum() / weights.sum()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    is_answer = weights == ANSWER_WEIGHT
    return float(losses.detach()[is_answer].mean())


def save(model: LlamaForCausalLM, folder: Path, rung: Rung, seed: int) -> None:
    """Write weights (fp16 safetensors), configuration and tokenizer, so that AutoModelForCausalLM
    and AutoTokenizer load the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    half: Any = LlamaForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.to(torch.float16).save_pretrained(folder)
    write_tokenizer(folder)
    (folder / "README.md").write_text(
        f"`{model_name(rung, seed)}`: see the model card one folder up.\n", encoding="utf-8"
    )


def describe(step: Any) -> dict[str, Any]:
    """Facts of a checkpoint for a run's metadata."""
    return {
        "answer_loss": round(step.answer_loss, 4),
        "train_cpu_seconds": round(step.cpu_seconds, 1),
    }
