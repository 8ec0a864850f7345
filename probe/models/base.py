"""The interface of a model for the probe: it replies to prompts, streams its tokens, and gives the
log-probability of an answer.

    with open_model("ladder:80k") as model:
        replies = model.reply([Prompt("sort: 48 02 64=")], Decoding(max_new_tokens=32))

A prompt without an answer gives a Reply with an `error`; a model that cannot continue raises
ModelError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from data.records import CharybdisError

N_ALTERNATIVES = 5
"""Number of most likely tokens given with each streamed token."""

ShouldStop = Callable[[], bool]


class ModelError(CharybdisError):
    """A model cannot be opened, or cannot continue."""


class StoppedError(CharybdisError):
    """The model was stopped before it finished; its unfinished output is discarded."""


def never() -> bool:
    """Never stop."""
    return False


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for a model."""

    text: str
    is_chat: bool = False
    """Whether it is sent as a user's turn in the model's chat template, or unchanged."""
    lead: str = ""
    """The given beginning of the reply, which the model continues."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """Settings of decoding."""

    max_new_tokens: int = 2048
    temperature: float = 0.0
    """0 means always the most likely token (greedy)."""
    seed: int = 0
    """For temperatures above 0."""
    keep_end: bool = False
    """Whether the sign that ends a reply is kept in its text."""
    end_sign: str = ""
    """That sign. Servers omit it; with `keep_end` it is appended to a reply that ended by itself.
    """

    def __post_init__(self) -> None:
        """Raises: ModelError for invalid lengths and temperatures."""
        if self.max_new_tokens < 1 or not 0 <= self.temperature <= 10:
            raise ModelError(
                f"A reply of {self.max_new_tokens} tokens at temperature {self.temperature} cannot"
                " be made. Give at least 1 token, and a temperature from 0 (the most likely token)"
                " to 10."
            )


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply."""

    text: str
    """The concatenated texts of all tokens are the reply."""
    logprob: float | None = None
    """Natural log of its probability, if the model provides it."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The most likely tokens at this position with their log-probabilities, the most likely first;
    the token itself may be among them.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One model's reply to one prompt."""

    text: str = ""
    """Without the prompt and its lead."""
    token_logprobs: tuple[float, ...] | None = None
    """Of every generated token, including the one that ends the reply; None if the model does not
    provide them.
    """
    n_input_tokens: int | None = None
    n_output_tokens: int | None = None
    duration_s: float | None = None
    """The batch's time divided by its number of prompts, because replies of a batch arrive
    together.
    """
    is_cut: bool = False
    """Whether it reached the limit of tokens."""
    error: str | None = None
    """Why there is no reply to this prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """Facts of an open model, stored with its runs."""

    device: str
    """cuda | mps | cpu | server | demo."""
    device_label: str
    """For people, for example "NVIDIA H200" or "CPU, 2 threads"."""
    dtype: str | None = None
    checkpoint: str | None = None
    """Hash or revision of the weights."""
    n_params: int | None = None
    memory_bytes: int | None = None
    """Of the weights, if they are in this process."""
    context_tokens: int | None = None
    has_chat_template: bool = False
    has_logprobs: bool = True
    """Whether replies come with log-probabilities, as far as known."""
    has_answer_logprobs: bool = False
    style: str = "zero_shot"
    """The prompt style that fits the model."""
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the libraries that run it."""
    metadata: dict[str, Any] = field(default_factory=dict)


class Model(Protocol):
    """One open model. Not shared between threads: one caller at a time."""

    ref: str
    """The REF of `open_model`."""
    name: str
    """Its name in runs."""
    batch_size: int
    """Preferred number of prompts per call."""

    @property
    def facts(self) -> ModelFacts:
        """The facts known so far."""
        ...

    def reply(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, should_stop: ShouldStop = never
    ) -> list[Reply]:
        """Reply to prompts, in their order.

        Raises: StoppedError when `should_stop` became true; ModelError when the model cannot
        continue.
        """
        ...

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
        """The tokens of one reply as they are generated."""
        ...

    def answer_logprobs(self, questions: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """Log-probability of each answer directly after its prompt: natural log, summed over the
        answer's tokens; None if unknown.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Departures from the request (a halved batch, log-probabilities that the server refused),
        each once.
        """
        ...

    def close(self) -> None:
        """Release memory and connections. May be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Closing:
    """Base class: `with model:` closes the model, and each note is kept once."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}

    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def _note(self, text: str) -> None:
        self._notes[text] = None

    def close(self) -> None:
        """Nothing to release."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
