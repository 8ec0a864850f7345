"""From the words of a request to a selection: names that this store does not have are refused, with
those that it has.
"""

from __future__ import annotations

from collections.abc import Iterable

from data.queries.inventory import fetch_models, fetch_ood_kinds, fetch_schemes, fetch_tasks
from data.records import FAMILY_WORD, SCYLLA_SCHEME, CharybdisError, Denominator, Selection
from data.store import Store

_MOST_NAMED = 60


class UnknownWordError(CharybdisError):
    """A request names a model, task, scheme or kind of OOD instances that this store does not
    have.
    """


def read_selection(
    store: Store,
    models: Iterable[str],
    tasks: Iterable[str],
    scheme: str,
    denominator: Denominator,
    ood: str = "",
) -> Selection:
    """The selection that a request of the shell or the API names.

    Args:
        models: names, or `family:NAME` for all models of a family with results; none means all.
        tasks: names; none means all.

    Raises:
        UnknownWordError: a name that this store does not have.
    """
    chosen = _read_tasks(store, tasks)
    check_scheme(store, scheme)
    if ood:
        known = list(fetch_ood_kinds(store)["ood"])
        if ood not in known:
            raise UnknownWordError(
                f"No run has OOD instances of the kind {ood!r}. Kinds here: {_listed(known)}."
            )
    return Selection(
        models=_read_models(store, models),
        tasks=chosen,
        scheme=scheme,
        denominator=denominator,
        ood=ood,
    )


def check_scheme(store: Store, scheme: str) -> None:
    """Raise UnknownWordError for a level scheme that this store does not have; SCYLLA's is always
    known.
    """
    known = [SCYLLA_SCHEME] if scheme == SCYLLA_SCHEME else list(fetch_schemes(store)["scheme"])
    if scheme not in known:
        raise UnknownWordError(f"There is no level scheme {scheme!r}. Schemes: {_listed(known)}.")


def _read_models(store: Store, words: Iterable[str]) -> tuple[str, ...]:
    words = tuple(words)
    if not words:
        return ()
    known = fetch_models(store)
    members = known.dropna(subset=["family"]).groupby("family")["model"].agg(list).to_dict()
    possible = {name: [name] for name in known["model"]} | {
        f"{FAMILY_WORD}{family}": names for family, names in members.items()
    }
    unknown = [word for word in words if word not in possible]
    if unknown:
        there = _listed(known["model"])
        raise UnknownWordError(
            f"No results of {', '.join(map(repr, unknown))} are stored. Models with results:"
            f" {there}."
        )
    return tuple(dict.fromkeys(name for word in words for name in possible[word]))


def _read_tasks(store: Store, words: Iterable[str]) -> tuple[str, ...]:
    words = tuple(sorted(set(words)))
    if words:
        known = list(fetch_tasks(store)["task"])
        unknown = [word for word in words if word not in known]
        if unknown:
            raise UnknownWordError(
                f"No results on the task {', '.join(map(repr, unknown))} are stored. Tasks with"
                f" results: {_listed(known)}."
            )
    return words


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return (", ".join(names[:_MOST_NAMED]) or "none") + more
