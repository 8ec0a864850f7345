"""Training: reproducible to the bit, weighted as stated, and of the sizes as stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from data.catalog import read_catalog
from probe.ladder.compact import PAD, TOKEN_IDS, encode
from probe.ladder.sizes import RUNGS, Rung, every_model, model_name
from probe.ladder.stream import (
    ANSWER_WEIGHT,
    BATCH,
    PROMPT_WEIGHT,
    Batch,
    batches,
    examples,
    token_examples,
)
from probe.ladder.train import Checkpoint, Stream, new_model, save, train

N_STEPS = 20
N_TOKENS = 100_000


@pytest.fixture(scope="module")
def stream() -> Stream:
    return token_examples(0, N_TOKENS)


def test_the_same_seed_gives_identical_weights() -> None:
    first, again = (
        train(RUNGS["1k"], 0, lambda _: None, token_examples(0, N_TOKENS), N_STEPS)
        for _ in range(2)
    )
    other = train(RUNGS["1k"], 1, lambda _: None, token_examples(0, N_TOKENS), N_STEPS)
    for name, weights in first.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
    assert not torch.equal(first.model.embed_tokens.weight, other.model.embed_tokens.weight)


def test_training_lowers_the_loss_and_tells_of_its_end(stream: Stream) -> None:
    told: list[Checkpoint] = []
    train(RUNGS["5k"], 0, told.append, stream, N_STEPS)
    assert [one.is_last for one in told] == [True]
    assert told[0].step == N_STEPS
    assert told[0].answer_loss < np.log(len(TOKEN_IDS))


@pytest.mark.parametrize("rung", list(RUNGS.values()), ids=list(RUNGS))
def test_a_model_has_as_many_parameters_as_its_row_says(rung: Rung) -> None:
    model = new_model(rung, 0)
    assert sum(weights.numel() for weights in model.parameters()) == rung.n_params


def test_the_catalog_has_every_model_with_its_exact_size() -> None:
    models = read_catalog().models.set_index("model")
    named = {model_name(rung, seed): rung for rung, seed in every_model()}
    assert set(models.index[models["family"] == "ladder"]) == set(named)
    for name, rung in named.items():
        row = models.loc[name]
        assert row["n_params"] == rung.n_params
        assert row["train_flops"] == pytest.approx(rung.train_flops(row["train_tokens"]), rel=1e-4)


def test_answers_weigh_one_prompts_a_tenth_and_padding_nothing(stream: Stream) -> None:
    made = list(batches(0, *stream))
    assert sum(len(batch.ids) for batch in made) == len(stream[0])
    assert all(
        len(batch.ids) == BATCH for batch in made[:-1] if len(batch.ids) != len(stream[0]) % BATCH
    )
    for batch in made[:5]:
        padded = batch.ids == TOKEN_IDS[PAD]
        assert not batch.weights[padded].any()
        assert set(np.unique(batch.weights[~padded])) == {
            np.float32(PROMPT_WEIGHT),
            np.float32(ANSWER_WEIGHT),
        }
        for ids, weights in zip(batch.ids, batch.weights, strict=True):
            ends_prompt = list(ids).index(TOKEN_IDS["="])
            assert (weights[: ends_prompt + 1] == np.float32(PROMPT_WEIGHT)).all()
            assert weights[ends_prompt + 1] == ANSWER_WEIGHT


def test_little_of_a_batch_is_padding() -> None:
    made: list[Batch] = list(batches(0, *token_examples(0, 1_000_000)))
    assert sum(batch.n_tokens for batch in made) > 0.95 * sum(batch.ids.size for batch in made)


def test_an_instance_has_about_twenty_two_tokens() -> None:
    stream = examples(0)
    lengths = [len(encode(one.prompt + one.answer)) for one in (next(stream) for _ in range(5_000))]
    assert 20 < np.mean(lengths) < 26


def test_saved_weights_load_through_the_auto_classes_in_half_precision(tmp_path: Path) -> None:
    model = new_model(RUNGS["3k"], 0)
    save(model, tmp_path, RUNGS["3k"], 0)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    for name, weights in model.state_dict().items():
        assert torch.equal(weights.to(torch.float16).float(), loaded.state_dict()[name])
