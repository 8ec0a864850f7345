"""Which results a study reads: the words of a request, and the selection they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from data.records import FAMILY_WORD, SCYLLA_SCHEME, Denominator, Selection
from studies.settings import read_settings, setting

if TYPE_CHECKING:
    import pandas as pd

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
    from data.queries import fetch_models, read_selection

    words = read_settings(SelectionWords, said)
    found = read_selection(
        store, words.models, words.tasks, words.scheme, Denominator(words.denominator), words.ood
    )
    return replace(found, models=expand_models(fetch_models(store), words.models))


def expand_models(known: pd.DataFrame, words: Sequence[str]) -> tuple[str, ...]:
    """Models named one by one or by family, each once: in the order of the words, and within a
    family in natural order.

    known: data.queries.fetch_models.
    """
    from analysis.text import natural_order

    found: dict[str, None] = {}
    for word in words:
        family = known["model"][known["family"] == word.removeprefix(FAMILY_WORD)]
        is_family = word.startswith(FAMILY_WORD)
        found |= dict.fromkeys(sorted(family, key=natural_order) if is_family else [word])
    return tuple(found)
