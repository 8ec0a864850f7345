"""Models without weights: they need no torch, answer at once, and their scores are known in
advance. For demonstration and tests.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from probe.models.base import (
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

_FACTS = ModelFacts(
    device="demo",
    device_label="no model, answers are made up",
    has_chat_template=True,
    has_logprobs=False,
)
"""They treat all prompts alike, chat or not."""


class _Demo(Closing):
    batch_size = 64

    def __init__(self, ref: str) -> None:
        super().__init__()
        self.ref = self.name = ref

    @property
    def facts(self) -> ModelFacts:
        return _FACTS

    def _answer(self, prompt: Prompt) -> str:
        raise NotImplementedError

    def reply(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, should_stop: ShouldStop = never
    ) -> list[Reply]:
        if should_stop():
            raise StoppedError("Stopped.")
        texts = [self._answer(prompt) for prompt in prompts]
        return [
            Reply(
                text=text,
                n_input_tokens=len(prompt.text.split()),
                n_output_tokens=len(text.split()),
                duration_s=0.0,
            )
            for prompt, text in zip(prompts, texts, strict=True)
        ]

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
        for place, word in enumerate(self._answer(prompt).split(" ")):
            yield Token(word if place == 0 else " " + word)

    def answer_logprobs(self, questions: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        return [None] * len(questions)


class EchoModel(_Demo):
    """Repeats its prompt."""

    def __init__(self) -> None:
        super().__init__("demo:echo")

    def _answer(self, prompt: Prompt) -> str:
        return prompt.text


class OracleModel(_Demo):
    """Gives the reference answer, and with probability `error_rate` a wrong one; the seed alone
    determines for which prompts.

    The run loop passes the answers in advance (`learn`), because they do not follow from the
    prompt.
    """

    def __init__(self, error_rate: float = 0.0, seed: int = 0) -> None:
        if not 0 <= error_rate <= 1:
            raise ModelError(
                f"An oracle cannot err at rate {error_rate}: give a share from 0 to 1."
            )
        super().__init__(f"demo:oracle:{error_rate:g}:{seed}")
        self._error_rate, self._seed = error_rate, seed
        self._answers: dict[str, str] = {}

    def learn(self, answers: dict[str, str]) -> None:
        """Right replies by prompt."""
        self._answers |= answers

    def _answer(self, prompt: Prompt) -> str:
        digest = blake2b(f"{self._seed}\n{prompt.text}".encode(), digest_size=16).digest()
        if random.Random(int.from_bytes(digest)).random() < self._error_rate:
            return "The answer is -1."
        return self._answers.get(prompt.text, "I was not told.")


def open_demo(ref: str) -> EchoModel | OracleModel:
    """`demo:echo`, or `demo:oracle[:ERROR_RATE[:SEED]]`.

    Raises: ModelError for another name.
    """
    _, kind, *rest = ref.split(":")
    try:
        if kind == "echo" and not rest:
            return EchoModel()
        if kind == "oracle" and len(rest) <= 2:
            return OracleModel(
                float(rest[0]) if rest else 0.0, int(rest[1]) if len(rest) == 2 else 0
            )
    except ValueError:
        pass
    raise ModelError(
        f"There is no demo model '{ref}'. Demo models are demo:echo and"
        " demo:oracle:ERROR_RATE:SEED, say demo:oracle:0.2:7."
    )
