"""Selection words of the URL as parameters of the API: the same words, the same meaning, and a clear refusal of what is not there."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from data.queries import fetch_models, fetch_ood_kinds, fetch_schemes, fetch_tasks
from data.records import FAMILY_WORD, SCYLLA_SCHEME, CharybdisError, Denominator, Selection
from data.store import Store

Words = Annotated[list[str], Query()]


class UnknownWordError(CharybdisError):
    """A request names a model, task or scheme that this store does not have."""


def check_scheme(store: Store, scheme: str) -> None:
    """Raise UnknownWordError for a level scheme that this store does not have."""
    schemes = list(fetch_schemes(store)["scheme"])
    if scheme != SCYLLA_SCHEME and scheme not in schemes:
        raise UnknownWordError(f"There is no level scheme {scheme!r}. Possible: {', '.join(schemes)}.")


def selection_of(store: Store, models: list[str], tasks: list[str], scheme: str, denominator: Denominator, ood: str = "") -> Selection:
    """The selection that a request names.

    Args:
        models: names, or `family:NAME` for all models of a family with results; none means all.
        tasks: names; none means all.

    Raises:
        UnknownWordError: a name that this store does not have.
    """
    known = fetch_models(store)
    families = known.dropna(subset=["family"]).groupby("family")["model"].agg(list).to_dict()
    named: list[str] = []
    for word in models:
        if word.startswith(FAMILY_WORD) and word.removeprefix(FAMILY_WORD) in families:
            named += families[word.removeprefix(FAMILY_WORD)]
        elif word in set(known["model"]):
            named.append(word)
        else:
            raise UnknownWordError(f"No results of the model {word!r} are stored. /api/v1/models lists those that are.")
    stored_tasks = set(fetch_tasks(store)["task"]) if tasks else set()
    unknown = [task for task in tasks if task not in stored_tasks]
    if unknown:
        raise UnknownWordError(f"No results on the task {unknown[0]!r} are stored. /api/v1/tasks lists those that are.")
    check_scheme(store, scheme)
    kinds = list(fetch_ood_kinds(store)["ood"]) if ood else []
    if ood and ood not in kinds:
        raise UnknownWordError(f"No run has OOD instances of the kind {ood!r}. Kinds here: {', '.join(kinds) or 'none'}.")
    return Selection(models=tuple(dict.fromkeys(named)), tasks=tuple(sorted(set(tasks))), scheme=scheme, denominator=denominator, ood=ood)
