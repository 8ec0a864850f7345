"""Local models with transformers: replies in batches with a log-probability for every token, on any
available device.

Decoding is a loop of our own over the model's forward pass and its key-value cache. It picks the
same tokens as `model.generate` (greedy, without penalties) and collects the log-probability of each
during generation, instead of keeping every score. Prompts of similar length are batched together,
and finished prompts leave the batch.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.utils import logging as transformers_logging

from probe.models.base import (
    N_ALTERNATIVES,
    Closing,
    Decoding,
    ModelError,
    ModelFacts,
    Prompt,
    Reply,
    ShouldStop,
    StoppedError,
    Token,
    never,
)
from probe.models.weights import checkpoint_of

T = TypeVar("T")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BATCH_SIZE = 32
_SMALL = 5_000_000
"""Models of fewer parameters take batches of `_SMALL_BATCH_SIZE`: starting a forward pass costs
more than running it.
"""
_SMALL_BATCH_SIZE = 256
_SHRINK_AT = 0.5
"""A batch is reduced to its unfinished prompts once these are no more than this share of it."""


def devices() -> list[str]:
    """The available devices, the best first."""
    found = ["cuda"] if torch.cuda.is_available() else []
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, "cpu"]


def dtypes(device: str) -> list[str]:
    """The number formats in which this device computes fast, the default first."""
    if device == "cuda":
        return (
            ["bfloat16", "float16", "float32"]
            if torch.cuda.is_bf16_supported()
            else ["float16", "float32"]
        )
    if device == "mps":
        return ["float16", "float32"]
    return ["float32", "bfloat16"] if torch.ops.mkldnn._is_mkldnn_bf16_supported() else ["float32"]


def device_label(device: str) -> str:
    """The device in words."""
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    return "Apple GPU" if device == "mps" else f"CPU, {torch.get_num_threads()} threads"


class _RoomyLayer(DynamicLayer):
    """A layer's cache with spare capacity: the cache of transformers copies its whole content for
    every new token.
    """

    _room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        n_held = int(self.get_seq_length())  # type: ignore[no-untyped-call]
        n = n_held + key_states.shape[-2]
        if (
            self._room is None
            or n > self._room[0].shape[-2]
            or len(self._room[0]) != len(key_states)
        ):
            held = (self.keys, self.values)
            self.lazy_initialization(key_states, value_states)
            n_rooms = n + max(64, n // 2)
            rooms = [
                new.new_empty(*new.shape[:-2], n_rooms, new.shape[-1])
                for new in (key_states, value_states)
            ]
            for room, old in zip(rooms, held, strict=True):
                if n_held and old is not None:
                    room[..., :n_held, :] = old
            self._room = rooms[0], rooms[1]
        keys, values = self._room
        keys[..., n_held:n, :], values[..., n_held:n, :] = key_states, value_states
        self.keys, self.values = keys[..., :n, :], values[..., :n, :]
        return self.keys, self.values


class _Step(NamedTuple):
    """The next token of every unfinished prompt."""

    rows: list[int]
    tokens: list[int]
    logprobs: list[float]
    likely: tuple[tuple[str, float], ...]
    """The most likely tokens of the first prompt."""


class LocalModel(Closing):
    """A causal language model from a folder or the hub. Weights are read from safetensors only, and
    code that comes with them is not run.

    Args:
        source: folder or hub id.
        ref: the caller's name for it.
        device, dtype: see `devices` and `dtypes`; None: the first of them.

    Raises:
        ModelError: it cannot be loaded, or device or dtype are not available.
    """

    def __init__(
        self, source: str, *, ref: str, device: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__()
        self.ref = ref
        folder = Path(source).expanduser()
        self.name = folder.resolve().name if folder.is_dir() else source
        self._device = _one_of("device", device, devices())
        is_ladder = ref.startswith("ladder:")
        self._dtype = (
            _one_of("dtype", dtype, dtypes(self._device)) if dtype or not is_ladder else "float32"
        )
        self._model, self._tokenizer = _load(source, self._device, DTYPES[self._dtype])
        n_params = sum(weights.numel() for weights in self._model.parameters())
        self.batch_size = _SMALL_BATCH_SIZE if n_params < _SMALL else BATCH_SIZE
        self._context = getattr(self._model.config, "max_position_embeddings", None)
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._end_tensor = torch.tensor(sorted(self._ends), dtype=torch.long)
        self._pad_token = next(
            (
                t
                for t in (self._tokenizer.pad_token_id, self._tokenizer.eos_token_id)
                if t is not None
            ),
            0,
        )
        taken = signature(self._model.forward).parameters
        self._takes_positions, self._takes_n_kept = (
            "position_ids" in taken,
            "logits_to_keep" in taken,
        )
        has_template = getattr(self._tokenizer, "chat_template", None) is not None
        self._facts = ModelFacts(
            device=self._device,
            device_label=device_label(self._device),
            dtype=self._dtype,
            checkpoint=(
                checkpoint_of(folder)
                if folder.is_dir()
                else getattr(self._model.config, "_commit_hash", None)
            ),
            n_params=n_params,
            memory_bytes=sum(
                weights.numel() * weights.element_size() for weights in self._model.parameters()
            ),
            context_tokens=self._context,
            has_chat_template=has_template,
            has_answer_logprobs=True,
            style="compact" if is_ladder else "chat" if has_template else "zero_shot",
            versions={name: version(name) for name in ("torch", "transformers", "tokenizers")},
        )

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    def close(self) -> None:
        """Release the memory, including that of the GPU."""
        self._model = self._tokenizer = None
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()
        elif self._device == "mps":
            torch.mps.empty_cache()

    # -- replies -----------------------------------------------------------------------------------

    def reply(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, should_stop: ShouldStop = never
    ) -> list[Reply]:
        encoded = self._encode(prompts)
        faults = {
            place: fault
            for place, ids in enumerate(encoded)
            if (fault := self._fault(ids)) is not None
        }
        replies = {place: Reply(error=fault) for place, fault in faults.items()}
        replies |= self._in_batches(
            {place: len(ids) for place, ids in enumerate(encoded) if place not in faults},
            lambda batch: self._reply_batch(
                [encoded[place] for place in batch], decoding, should_stop
            ),
        )
        return [replies[place] for place in range(len(prompts))]

    def _in_batches(
        self, lengths: dict[int, int], work: Callable[[list[int]], list[T]]
    ) -> dict[int, T]:
        """Results by position. Prompts of similar length are batched together; a batch that does
        not fit into memory is halved, and so are all later ones.
        """
        found: dict[int, T] = {}
        waiting = sorted(lengths, key=lambda place: lengths[place])
        while waiting:
            batch = waiting[: self.batch_size]
            try:
                found |= zip(batch, work(batch), strict=True)
            except torch.OutOfMemoryError:
                self._halve(len(batch))
            else:
                waiting = waiting[len(batch) :]
        return found

    def _halve(self, n_tried: int) -> None:
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()
        if n_tried == 1:
            raise ModelError(
                f"{self.name} does not fit into the memory of {self._facts.device_label} even with"
                " one prompt at a time. Use a smaller model or dtype, fewer new tokens, or another"
                " device."
            )
        self.batch_size = max(1, n_tried // 2)
        self._note(
            f"{n_tried} prompts at once did not fit into memory; going on with {self.batch_size}."
        )

    def _reply_batch(
        self, ids: list[list[int]], decoding: Decoding, should_stop: ShouldStop
    ) -> list[Reply]:
        began = time.perf_counter()
        tokens: list[list[int]] = [[] for _ in ids]
        logprobs: list[list[float]] = [[] for _ in ids]
        for step in self._steps(ids, decoding, 0):
            if should_stop():
                raise StoppedError("Stopped.")
            for row, token, value in zip(step.rows, step.tokens, step.logprobs, strict=True):
                tokens[row].append(token)
                logprobs[row].append(value)
        each_s = (time.perf_counter() - began) / len(ids)
        ended = [bool(made) and made[-1] in self._ends for made in tokens]
        shown = [
            made if decoding.keep_end or not end else made[:-1]
            for made, end in zip(tokens, ended, strict=True)
        ]
        texts = self._tokenizer.batch_decode(
            shown, skip_special_tokens=not decoding.keep_end, clean_up_tokenization_spaces=False
        )
        return [
            Reply(
                text=texts[row],
                token_logprobs=tuple(logprobs[row]),
                n_input_tokens=len(ids[row]),
                n_output_tokens=len(tokens[row]),
                duration_s=each_s,
                is_cut=not ended[row],
            )
            for row in range(len(ids))
        ]

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
        made: list[int] = []
        shown = ""
        (ids,) = self._encode([prompt])
        fault = self._fault(ids)
        if fault is not None:
            raise ModelError(fault)
        for _, (token,), (logprob,), likely in self._steps([ids], decoding, N_ALTERNATIVES):
            if token in self._ends and not decoding.keep_end:
                return
            made.append(token)
            text = self._text(made, decoding.keep_end)
            if text.endswith("\N{REPLACEMENT CHARACTER}") and len(made) % 8:
                text = shown  # half a character: the next token has its other half
            yield Token(text[len(shown) :], logprob, likely)
            shown = text

    def _text(self, tokens: Sequence[int], keep_end: bool) -> str:
        return str(
            self._tokenizer.decode(
                tokens, skip_special_tokens=not keep_end, clean_up_tokenization_spaces=False
            )
        )

    def _encode(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Token numbers of each prompt with its lead."""
        if any(prompt.is_chat for prompt in prompts) and not self._facts.has_chat_template:
            raise ModelError(
                f"{self.name} has no chat template. Use the prompt style zero_shot or few_shot."
            )
        found: list[list[int]] = [[]] * len(prompts)
        for is_chat in (False, True):
            places = [place for place, prompt in enumerate(prompts) if prompt.is_chat is is_chat]
            if places:
                texts = [
                    (
                        self._templated(prompts[place])
                        if is_chat
                        else prompts[place].text + prompts[place].lead
                    )
                    for place in places
                ]
                for place, ids in zip(
                    places,
                    self._tokenizer(texts, add_special_tokens=not is_chat, verbose=False)[
                        "input_ids"
                    ],
                    strict=True,
                ):
                    found[place] = ids
        return found

    def _templated(self, prompt: Prompt) -> str:
        turns = [{"role": "user", "content": prompt.text}]
        return (
            str(
                self._tokenizer.apply_chat_template(
                    turns, add_generation_prompt=True, tokenize=False
                )
            )
            + prompt.lead
        )

    def _fault(self, ids: list[int]) -> str | None:
        """The reason why these tokens cannot be processed."""
        if not ids:
            return "An empty prompt cannot be replied to."
        if self._context is not None and len(ids) >= self._context:
            return (
                f"The prompt has {len(ids)} tokens, and {self.name} has room for {self._context}"
                " with the reply."
            )
        return None

    @torch.inference_mode()
    def _steps(self, ids: list[list[int]], decoding: Decoding, n_top: int) -> Iterator[_Step]:
        """One token of every unfinished prompt, until all are finished."""
        tokens, mask = self._pad(ids)
        n_new = (
            decoding.max_new_tokens
            if self._context is None
            else min(decoding.max_new_tokens, self._context - tokens.shape[1])
        )
        generator = (
            torch.Generator(self._device).manual_seed(decoding.seed)
            if decoding.temperature
            else None
        )
        cache = DynamicCache(config=self._model.config)
        cache.layers = [
            _RoomyLayer() if type(layer) is DynamicLayer else layer  # type: ignore[no-untyped-call]
            for layer in cache.layers
        ]
        can_shrink = all(hasattr(layer, "batch_select_indices") for layer in cache.layers)
        rows = torch.arange(len(ids))
        goes_on = torch.ones(len(ids), dtype=torch.bool)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        for place in range(n_new):
            logits = self._forward(tokens, mask, positions, cache, 1)[:, -1].float()
            chosen, logprobs = _pick(logits, decoding.temperature, generator)
            made = chosen.cpu()
            yield _Step(
                rows[goes_on].tolist(),
                made[goes_on].tolist(),
                logprobs.cpu()[goes_on].tolist(),
                self._likely(logits[0], n_top),
            )
            goes_on = goes_on & ~torch.isin(made, self._end_tensor)
            n_going = int(goes_on.sum())
            if n_going == 0 or place + 1 == n_new:
                return
            tokens, positions = chosen[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
            if can_shrink and n_going <= _SHRINK_AT * len(rows):
                keep = goes_on.nonzero()[:, 0]
                rows, goes_on = rows[keep], goes_on[keep]
                keep = keep.to(tokens.device)
                tokens, mask, positions = tokens[keep], mask[keep], positions[keep]
                cache.batch_select_indices(keep)

    def _forward(
        self,
        tokens: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        n_kept: int,
    ) -> torch.Tensor:
        inputs: dict[str, Any] = {"input_ids": tokens, "attention_mask": mask}
        if cache is not None:
            inputs["past_key_values"] = cache
        if self._takes_positions:
            inputs["position_ids"] = positions
        if self._takes_n_kept:
            inputs["logits_to_keep"] = n_kept
        logits: torch.Tensor = self._model(use_cache=cache is not None, **inputs).logits
        return logits[:, -n_kept:]

    def _pad(self, ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token numbers padded on the left, and the mask of the real ones."""
        longest = max(map(len, ids))
        filled = [[self._pad_token] * (longest - len(one)) + one for one in ids]
        meant = [[0] * (longest - len(one)) + [1] * len(one) for one in ids]
        return torch.tensor(filled, device=self._device), torch.tensor(meant, device=self._device)

    def _likely(self, logits: torch.Tensor, n_top: int) -> tuple[tuple[str, float], ...]:
        if not n_top:
            return ()
        logprobs, tokens = torch.log_softmax(logits, dim=-1).topk(min(n_top, len(logits)))
        return tuple(
            (self._text([token], True), value)
            for token, value in zip(tokens.tolist(), logprobs.tolist(), strict=True)
        )

    # -- given answers -----------------------------------------------------------------------------

    def answer_logprobs(self, questions: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """See `Model.answer_logprobs`. Prompt and answer are tokenised separately, as in SCYLLA;
        None where they do not fit the context.
        """
        given = self._encode([prompt for prompt, _ in questions])
        wanted: list[list[int]] = self._tokenizer(
            [answer for _, answer in questions], add_special_tokens=False
        )["input_ids"]
        lengths = {
            place: len(given[place]) + len(wanted[place])
            for place in range(len(questions))
            if wanted[place] and given[place]
        }
        found = self._in_batches(
            {
                place: n
                for place, n in lengths.items()
                if self._context is None or n <= self._context
            },
            lambda batch: self._sum_logprobs([(given[place], wanted[place]) for place in batch]),
        )
        return [found.get(place) for place in range(len(questions))]

    @torch.inference_mode()
    def _sum_logprobs(self, questions: list[tuple[list[int], list[int]]]) -> list[float]:
        tokens, mask = self._pad([given + wanted for given, wanted in questions])
        longest = max(len(wanted) for _, wanted in questions)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        logits = self._forward(tokens, mask, positions, None, longest + 1)[:, :-1].float()
        asked = tokens[:, -longest:]
        each = logits.gather(2, asked[:, :, None])[:, :, 0] - logits.logsumexp(2)
        # Answers are at the end of their rows; the positions before the row's own answer belong to
        # the prompt.
        starts = torch.tensor(
            [longest - len(wanted) for _, wanted in questions], device=each.device
        )
        is_answer = torch.arange(longest, device=each.device)[None] >= starts[:, None]
        sums: list[float] = torch.where(is_answer, each, 0.0).sum(1).tolist()
        return sums


def _pick(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The next tokens and their log-probabilities (at temperature 1, not the sampling
    temperature).
    """
    if generator is None:
        best, chosen = logits.max(dim=-1)
        return chosen, best - logits.logsumexp(dim=-1)
    chosen = torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator)[
        :, 0
    ]
    return chosen, logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(dim=-1)


def _one_of(what: str, wanted: str | None, there: list[str]) -> str:
    if wanted is None:
        return there[0]
    if wanted not in there:
        raise ModelError(f"There is no {what} '{wanted}' here. Choose one of: {', '.join(there)}.")
    return wanted


def _load(source: str, device: str, dtype: torch.dtype) -> tuple[Any, Any]:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, use_safetensors=True, trust_remote_code=False
        )
        return model.to(device).eval(), tokenizer
    except torch.OutOfMemoryError as cause:
        raise ModelError(
            f"{source} does not fit into the memory of {device_label(device)}. Use a smaller dtype"
            " or another device."
        ) from cause
    except (OSError, ValueError, KeyError, RuntimeError) as cause:
        said = str(cause).strip().splitlines() or [type(cause).__name__]
        raise ModelError(
            f"{source} cannot be loaded: {said[0][:300]} Needed is a folder (or a hub id that can"
            " be reached) with config.json, tokenizer and *.safetensors of a causal language"
            " model; models that bring code of their own, or have pickled weights only, are"
            " refused."
        ) from cause


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a reply, from the model's generation settings or the tokenizer."""
    stated = model.generation_config.eos_token_id
    stated = tokenizer.eos_token_id if stated is None else stated
    return frozenset(() if stated is None else stated if isinstance(stated, list) else [stated])
