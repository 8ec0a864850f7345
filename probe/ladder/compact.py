"""The prompt style "ladder compact": the answer to `sort: 48 02 64=` is ` 02 48 64$`. One token per
task word, digit and sign.

Numbers of a list are padded to the same width, at least two digits; a target or bound has one digit
more, k one digit. The target comes before the list. The first digit of a number includes the space
before it, so that a two-digit number is two tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from probe.tasks.base import Answer, AnswerKind, Reading, Task
from probe.tasks.inputs import Input

STYLE: Final = "ladder compact"
WORDS: Mapping[str, str] = {
    "find_minimum": "min",
    "find_maximum": "max",
    "find_mode": "mode",
    "find_topk": "topk",
    "two_sum": "twosum",
    "sort_numbers": "sort",
    "remove_duplicate_numbers": "dedupe",
    "three_sum": "threesum",
    "three_sum_in_range": "threerange",
    "three_sum_multiple_ten": "threeten",
    "four_sum": "foursum",
    "four_sum_in_range": "fourrange",
    "four_sum_multiple_ten": "fourten",
    "subset_sum": "subset",
    "subset_sum_in_range": "subsetrange",
    "subset_sum_multiple_ten": "subsetten",
}
COPY = "copy"
"""The auxiliary task of training: the answer is the list. Never measured."""
PAD, UNKNOWN, END = "<pad>", "<unk>", "$"
VOCABULARY: tuple[str, ...] = (
    PAD,
    UNKNOWN,
    END,
    ":",
    "=",
    *(str(digit) for digit in range(10)),
    *(f" {digit}" for digit in range(10)),
    *WORDS.values(),
    COPY,
)
TOKEN_IDS: Mapping[str, int] = {token: place for place, token in enumerate(VOCABULARY)}
_TOKEN = re.compile(r"[a-z]+| ?[0-9]|[:=$]")
_ANSWER = re.compile(r"(?: [0-9]+)+")
MAX_NEW_TOKENS = 40
"""More than any right answer needs: 10 numbers of three digits and the end sign."""


def render(task: Task, given: Input) -> str:
    """The prompt of one input.

    Raises: KeyError for a task the ladder was not trained on.
    """
    numbers = given["numbers"]
    width = _width(numbers)
    sums = "".join(
        [f" {given[name]:0{width + 1}d}" for name in ("target", "low", "high") if name in given]
    )
    count = f" {given['k']}" if "k" in given else ""
    return f"{WORDS[task.name]}{count}{sums}:{_list(numbers, width)}="


def render_answer(given: Input, answer: Answer) -> str:
    """The reply that the model is trained to give, with the end sign; chosen numbers are in the
    order of `answer`.
    """
    return _list(answer if isinstance(answer, list) else [answer], _width(given["numbers"])) + END


def render_copy(numbers: Sequence[int]) -> tuple[str, str]:
    """Prompt and answer of the auxiliary task."""
    listed = _list(numbers, _width(numbers))
    return f"{COPY}:{listed}=", listed + END


def read(task: Task, reply: str) -> Reading:
    """The answer before the end sign, or the reason why there is none."""
    answer, end, _ = reply.partition(END)
    if not end:
        return Reading(None, f"no end sign {END} within the tokens allowed")
    if not _ANSWER.fullmatch(answer):
        return Reading(None, f"not a list of numbers before {END}")
    numbers = [int(word) for word in answer.split()]
    if task.kind is AnswerKind.LIST:
        return Reading(numbers, f"read before {END}")
    if len(numbers) != 1:
        return Reading(None, f"{len(numbers)} numbers, and one is asked for")
    return Reading(numbers[0], f"read before {END}")


_TWO_DIGITS = tuple(f" {number:02d}" for number in range(100))
"""Nearly all numbers of the ladder, in a table, because formatting them took a third of the run
loop's time.
"""


def _width(numbers: Sequence[int]) -> int:
    largest = max(numbers)
    return 2 if largest < 100 else len(str(largest))


def _list(numbers: Sequence[int], width: int) -> str:
    if width == 2 and min(numbers) >= 0 and max(numbers) < 100:
        return "".join([_TWO_DIGITS[number] for number in numbers])
    return "".join([f" {number:0{width}d}" for number in numbers])


# -- tokens ----------------------------------------------------------------------------------------


def encode(text: str) -> list[int]:
    """Token numbers, as the shipped tokenizer gives them. Raises: KeyError or ValueError for text
    that is not in this style.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text:
        raise ValueError(f"{text[:60]!r} has characters that the compact style does not know")
    return [TOKEN_IDS[token] for token in tokens]


def decode(ids: Sequence[int]) -> str:
    """The text of token numbers."""
    return "".join(VOCABULARY[one] for one in ids)


def write_tokenizer(folder: Path) -> None:
    """Write the files from which transformers makes a PreTrainedTokenizerFast."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(dict(TOKEN_IDS), unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_TOKEN.pattern), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(
        [AddedToken(PAD, normalized=False), AddedToken(UNKNOWN, normalized=False)]
    )
    make: Any = PreTrainedTokenizerFast
    fast = make(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=128,
    )
    fast.save_pretrained(folder)
    stated = folder / "tokenizer_config.json"
    config = json.loads(stated.read_text(encoding="utf-8"))
    stated.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
