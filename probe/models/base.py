"""What a model is to the probe: it replies to prompts, shows its tokens as they come, and says how
likely it found an answer.

    with open_model("ladder:80k") as model:
        replies = model.reply([Prompt("sort: 48 02 64=")], Decoding(max_new_tokens=32))

A prompt that gets no answer is a Reply with its `error`; a model that cannot go on at all raises
ModelError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from data.records import CharybdisError

N_ALTERNATIVES = 5
"""So many of the most likely tokens stand beside a streamed token."""

ShouldStop = Callable[[], bool]


class ModelError(CharybdisError):
    """A model cannot be opened, or cannot go on."""


class StoppedError(CharybdisError):
    """Somebody stopped the model before it was done; what it had begun is given up."""


def never() -> bool:
    """Nobody stops."""
    return False


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked."""

    text: str
    is_chat: bool = False
    """Whether it is put as a user's turn in the model's chat template, or given as it stands."""
    lead: str = ""
    """How the reply begins already; the model goes on from there."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a reply is made."""

    max_new_tokens: int = 2048
    temperature: float = 0.0
    """0: always the most likely token (greedy)."""
    seed: int = 0
    """For temperatures above 0."""
    keep_end: bool = False
    """Whether the sign that ends a reply stays in its text."""
    end_sign: str = ""
    """That sign. Servers leave it out; with `keep_end` it is put back where a reply ended by
    itself.
    """

    def __post_init__(self) -> None:
        """Raises: ModelError for lengths and temperatures that mean nothing."""
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
    """The texts of all tokens together are the reply."""
    logprob: float | None = None
    """Natural log of its probability, where the model tells."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The most likely tokens at this place with their log-probabilities, the likeliest first; the
    token itself may be among them.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One model's reply to one prompt."""

    text: str = ""
    """Without the prompt and its lead."""
    token_logprobs: tuple[float, ...] | None = None
    """Of every token made, the one that ends the reply included; None where the model does not
    tell.
    """
    n_input_tokens: int | None = None
    n_output_tokens: int | None = None
    duration_s: float | None = None
    """The batch's time divided by its prompts: replies of a batch come together."""
    is_cut: bool = False
    """Whether it ran into the limit of tokens."""
    error: str | None = None
    """Why there is no reply to this prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of an open model; stored with its runs."""

    device: str
    """cuda | mps | cpu | server | demo."""
    device_label: str
    """For people, say "NVIDIA H200" or "CPU, 2 threads"."""
    dtype: str | None = None
    checkpoint: str | None = None
    """Hash or revision of the weights."""
    n_params: int | None = None
    memory_bytes: int | None = None
    """Of the weights, where they are in this process."""
    context_tokens: int | None = None
    has_chat_template: bool = False
    has_logprobs: bool = True
    """Whether replies come with log-probabilities, as far as known."""
    has_answer_logprobs: bool = False
    style: str = "zero_shot"
    """The prompt style that fits the model."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the libraries that run it."""
    metadata: dict[str, Any] = field(default_factory=dict)


class Model(Protocol):
    """One open model. Not shared between threads: one caller at a time."""

    ref: str
    """As `open_model` takes it."""
    name: str
    """As its runs name it."""
    batch_size: int
    """How many prompts it likes to get at once."""

    @property
    def facts(self) -> ModelFacts:
        """What is known of it now."""
        ...

    def reply(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, should_stop: ShouldStop = never
    ) -> list[Reply]:
        """Reply to prompts, in their order.

        Raises: StoppedError when `should_stop` became true meanwhile; ModelError when the model
        cannot go on at all.
        """
        ...

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
        """The tokens of one reply as they come."""
        ...

    def answer_logprobs(self, questions: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """How likely the model finds each answer right after its prompt: natural log, summed over
        the answer's tokens; None if unknown.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """What went differently than asked (a halved batch, log-probabilities that the server
        refused), each once.
        """
        ...

    def close(self) -> None:
        """Give memory and connections back. May be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Closing:
    """`with model:` closes it, and notes are kept once each."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}

    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def _note(self, text: str) -> None:
        self._notes[text] = None

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
