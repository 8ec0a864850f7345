"""Which results a study reads: the words of a request, and the selection they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.records import SCYLLA_SCHEME, Denominator, Selection
from studies.settings import read_settings, setting

if TYPE_CHECKING:
    from data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionWords:
    """The words that every study takes, as in the API and in page addresses. The shell names one
    model or task at a time: `--model A --model B`.
    """

    models: tuple[str, ...] = setting(
        (), "Only this model, or family:NAME for all models of a family."
    )
    tasks: tuple[str, ...] = setting((), "Only this task.")
    scheme: str = setting(SCYLLA_SCHEME, "Level scheme.")
    denominator: str = setting(
        Denominator.UNPARSED_IS_WRONG.value,
        "Which answers an accuracy is taken over.",
        words=tuple(str(denominator) for denominator in Denominator),
    )
    ood: str = setting(
        "", "Only runs with this kind of OOD instances. Default: each model's main kind."
    )


def read_words(store: Store, said: Mapping[str, Sequence[str]]) -> Selection:
    """The selection that a request names; words that are none of SelectionWords are not looked at.

    Raises:
        SettingError: a denominator that is not possible.
        UnknownWordError: a name that this store does not have.
    """
    from data.queries import read_selection

    words = read_settings(SelectionWords, said)
    return read_selection(
        store, words.models, words.tasks, words.scheme, Denominator(words.denominator), words.ood
    )
