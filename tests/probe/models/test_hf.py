"""Local models: the tokens of `model.generate`, log-probabilities of a full pass, and clear
refusals.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from probe.models import Decoding, ModelError, Prompt, StoppedError, open_model
from probe.models.hf import LocalModel, devices, dtypes
from probe.prompts import style_named
from probe.tasks import make_batch

COMPACT = style_named("compact")
INSTANCES = [
    *make_batch("sort_numbers", "id", 20, 0, lengths=(4, 6)),
    *make_batch("three_sum", "ood", 20, 0, lengths=(5,)),
]
PROMPTS = [COMPACT.prompt(instance) for instance in INSTANCES]
DECODING = COMPACT.decoding(max_new_tokens=24)


@pytest.fixture
def model(tiny: Path) -> Iterator[LocalModel]:
    with LocalModel(str(tiny), ref=str(tiny)) as opened:
        yield opened


def generate(
    model: LocalModel, prompts: list[Prompt], n_new: int
) -> tuple[list[list[int]], list[list[float]]]:
    """Tokens and their log-probabilities as transformers' own generation makes them, one prompt
    after the other.
    """
    tokens, logprobs = [], []
    for prompt in prompts:
        ids = model._tokenizer([prompt.text], return_tensors="pt")["input_ids"]
        made = model._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=n_new,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        new = made.sequences[0, ids.shape[1] :].tolist()
        tokens.append(new)
        logprobs.append(
            [
                torch.log_softmax(step[0], -1)[token].item()
                for step, token in zip(made.logits, new, strict=True)
            ]
        )
    return tokens, logprobs


def test_replies_have_the_tokens_and_log_probabilities_of_generate(model: LocalModel) -> None:
    tokens, logprobs = generate(model, PROMPTS, 24)
    replies = model.reply(PROMPTS, DECODING)
    assert [reply.text for reply in replies] == [model._tokenizer.decode(one) for one in tokens]
    assert [reply.n_output_tokens for reply in replies] == [len(one) for one in tokens]
    assert {reply.is_cut for reply in replies} == {True, False}
    for reply, expected in zip(replies, logprobs, strict=True):
        assert reply.token_logprobs == pytest.approx(expected, abs=1e-4)


def test_log_probabilities_agree_with_a_full_forward_pass(model: LocalModel) -> None:
    (reply,) = model.reply(PROMPTS[:1], DECODING)
    whole = model._tokenizer([PROMPTS[0].text + reply.text], return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        scores = torch.log_softmax(model._model(whole).logits[0].float(), -1)
    n = reply.n_output_tokens
    assert n is not None
    expected = [
        scores[place - 1, whole[0, place]].item()
        for place in range(whole.shape[1] - n, whole.shape[1])
    ]
    assert reply.token_logprobs == pytest.approx(expected, abs=1e-4)


def test_a_given_answer_has_the_log_probability_of_its_tokens(model: LocalModel) -> None:
    answers = [COMPACT.write_reference(instance) for instance in INSTANCES]
    said = model.answer_logprobs(list(zip(PROMPTS, answers, strict=True)))
    for prompt, answer, value in zip(PROMPTS, answers, said, strict=True):
        whole = model._tokenizer([prompt.text + answer], return_tensors="pt")["input_ids"]
        n = len(model._tokenizer(answer)["input_ids"])
        with torch.inference_mode():
            scores = torch.log_softmax(model._model(whole).logits[0, -n - 1 : -1].float(), -1)
        assert value == pytest.approx(scores.gather(1, whole[0, -n:, None]).sum().item(), abs=1e-3)
    assert model.answer_logprobs([(PROMPTS[0], "")]) == [None]


def test_what_a_prompt_is_batched_with_does_not_matter(model: LocalModel) -> None:
    together = model.reply(PROMPTS, DECODING)
    model.batch_size = 3
    apart = model.reply(PROMPTS, DECODING)
    assert [reply.text for reply in together] == [reply.text for reply in apart]


def test_a_stream_is_the_same_reply_with_likely_alternatives(model: LocalModel) -> None:
    (reply,) = model.reply(PROMPTS[:1], DECODING)
    tokens = list(model.stream(PROMPTS[0], DECODING))
    assert "".join(token.text for token in tokens) == reply.text
    assert [token.logprob for token in tokens] == pytest.approx(reply.token_logprobs, abs=1e-4)
    for token in tokens:
        values = [value for _, value in token.alternatives]
        assert len(values) == 5 and values == sorted(values, reverse=True)
        assert token.logprob is not None and math.isclose(values[0], token.logprob, abs_tol=1e-4)


def test_a_reply_goes_on_from_its_lead(model: LocalModel) -> None:
    (whole,) = model.reply(PROMPTS[:1], DECODING)
    start = whole.text[: len(whole.text) // 2]
    rest = model.reply([Prompt(PROMPTS[0].text, lead=start)], DECODING)[0]
    assert (start + rest.text)[: len(whole.text)] == whole.text


def test_sampling_is_repeated_by_its_seed_and_changed_by_another(model: LocalModel) -> None:
    texts = [
        [reply.text for reply in model.reply(PROMPTS[:8], Decoding(24, temperature=1.0, seed=seed))]
        for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_a_batch_that_does_not_fit_is_halved_and_said_so(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [reply.text for reply in model.reply(PROMPTS, DECODING)]
    pad = model._pad

    def pad_little(ids: list[list[int]]) -> Any:
        if len(ids) > 10:
            raise torch.OutOfMemoryError("out of memory")
        return pad(ids)

    monkeypatch.setattr(model, "_pad", pad_little)
    assert [reply.text for reply in model.reply(PROMPTS, DECODING)] == expected
    assert model.batch_size == 10
    assert model.notes() == (
        "40 prompts at once did not fit into memory; going on with 20.",
        "20 prompts at once did not fit into memory; going on with 10.",
    )


def test_a_model_that_fits_no_prompt_says_what_to_do(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pad_nothing(_: list[list[int]]) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(model, "_pad", pad_nothing)
    with pytest.raises(ModelError, match="even with one prompt at a time"):
        model.reply(PROMPTS[:2], DECODING)


def test_a_prompt_without_room_is_an_error_of_its_own(model: LocalModel) -> None:
    long, fine = model.reply([Prompt("sort:" + " 01" * 70 + "="), PROMPTS[0]], DECODING)
    assert long.error is not None and "143 tokens" in long.error and "128" in long.error
    assert fine.error is None and fine.text


def test_a_reply_never_runs_past_the_context(model: LocalModel) -> None:
    replies = model.reply(PROMPTS, Decoding(1000, keep_end=True))
    assert (
        max((reply.n_input_tokens or 0) + (reply.n_output_tokens or 0) for reply in replies) <= 128
    )


def test_stopping_is_heard_between_tokens(model: LocalModel) -> None:
    asked = iter([False, False, True])
    with pytest.raises(StoppedError):
        model.reply(PROMPTS, DECODING, should_stop=lambda: next(asked))


def test_the_chat_template_is_used_where_there_is_one(tiny: Path, tiny_chat: Path) -> None:
    chatted = Prompt(PROMPTS[0].text.removesuffix("="), is_chat=True)
    with open_model(str(tiny_chat)) as model:
        assert model.facts.has_chat_template and model.facts.style == "chat"
        assert (
            model.reply([chatted], DECODING)[0].text == model.reply(PROMPTS[:1], DECODING)[0].text
        )
    with open_model(str(tiny)) as model, pytest.raises(ModelError, match="no chat template"):
        model.reply([chatted], DECODING)


def test_facts_name_device_numbers_and_weights(tiny: Path, tiny_chat: Path) -> None:
    with (
        open_model(str(tiny), device="cpu", dtype="float32") as model,
        open_model(str(tiny_chat)) as other,
    ):
        facts = model.facts
        assert (facts.device, facts.dtype, facts.n_params, facts.memory_bytes) == (
            "cpu",
            "float32",
            5872,
            4 * 5872,
        )
        assert facts.checkpoint == other.facts.checkpoint
        assert (
            facts.versions["torch"] == torch.__version__.split("+")[0]
            or facts.versions["torch"] == torch.__version__
        )


def test_bfloat16_is_offered_where_the_machine_has_it(tiny: Path) -> None:
    assert devices()[-1] == "cpu" and dtypes("cpu")[0] == "float32"
    if "bfloat16" in dtypes("cpu"):
        with open_model(str(tiny), device="cpu", dtype="bfloat16") as model:
            assert model.facts.memory_bytes == 2 * 5872
            assert all(reply.error is None for reply in model.reply(PROMPTS[:4], DECODING))


def test_a_closed_model_holds_no_weights(tiny: Path) -> None:
    model = LocalModel(str(tiny), ref="tiny")
    model.close()
    model.close()
    assert model._model is None and model._tokenizer is None


@pytest.mark.parametrize(
    ("device", "dtype", "words"),
    [("abacus", None, "no device 'abacus'"), (None, "float8", "no dtype 'float8'")],
)
def test_what_the_machine_lacks_is_named(
    tiny: Path, device: str | None, dtype: str | None, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        open_model(str(tiny), device=device, dtype=dtype)


def test_pickled_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        open_model(str(folder))


def test_code_that_comes_with_a_model_is_not_run(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "coded")
    config = json.loads((folder / "config.json").read_text())
    names = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    (folder / "config.json").write_text(
        json.dumps(config | {"model_type": "own", "auto_map": names})
    )
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_model(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_model(str(tmp_path))


def test_an_unknown_rung_lists_those_there_are() -> None:
    with pytest.raises(ModelError, match="The ladder has no model 'sky'"):
        open_model("ladder:sky")
