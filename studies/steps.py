"""Parts of a study that other settings, or other studies, need as well.

A step is a plain function of the store. Where a caller keeps answers between calls (the dashboard,
ui/kept.py), a step is kept too: a moved slider then repeats only what depends on it. Elsewhere
(shell, API) a step is computed each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from data.records import Denominator, Selection

if TYPE_CHECKING:
    import pandas as pd

    from data.store import Store

P = ParamSpec("P")
R = TypeVar("R")
Keeper = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Turns a function of the store into one that answers from memory and needs no store."""

_KEEPER: ContextVar[Keeper | None] = ContextVar("keeper", default=None)


@contextmanager
def keeping(keeper: Keeper) -> Iterator[None]:
    """Let the steps in this block answer from memory."""
    token = _KEEPER.set(keeper)
    try:
        yield
    finally:
        _KEEPER.reset(token)


@dataclass(frozen=True, slots=True)
class Keep:
    """How the answers of a step are kept.

    is_large           they take megabytes: fewer of them are kept.
    reads_denominator  else one answer serves every denominator.
    reads_every_model  results of other models than those selected enter as well: a commit to any
                       run makes the answer stale.
    """

    is_large: bool = False
    reads_denominator: bool = True
    reads_every_model: bool = False


def step(
    *, is_large: bool = False, reads_denominator: bool = True, reads_every_model: bool = False
) -> Callable[[Callable[Concatenate[Store, P], R]], Callable[Concatenate[Store, P], R]]:
    """Let a function of the store be kept where its caller keeps answers; arguments as in `Keep`.

    Every reader gets the same object, so nobody may write to it.
    """

    def mark(
        compute: Callable[Concatenate[Store, P], R],
    ) -> Callable[Concatenate[Store, P], R]:
        @wraps(compute)
        def run(store: Store, *arguments: P.args, **named: P.kwargs) -> R:
            keeper = _KEEPER.get()
            if keeper is None:
                return compute(store, *arguments, **named)
            found: R = keeper(run)(*arguments, **named)
            return found

        _STEPS[run] = (compute, Keep(is_large, reads_denominator, reads_every_model))
        return cast("Callable[Concatenate[Store, P], R]", run)

    return mark


_STEPS: dict[Callable[..., Any], tuple[Callable[..., Any], Keep]] = {}


def computed_by(study: Callable[..., R]) -> tuple[Callable[..., R], Keep]:
    """What computes the answers of a study, a step or a query, and how they are kept."""
    return _STEPS.get(study, (study, Keep()))


def any_denominator(selection: Selection) -> Selection:
    """The selection as the key of what does not depend on its denominator."""
    return replace(selection, denominator=Denominator.UNPARSED_IS_WRONG)


@step(reads_denominator=False)
def task_counts(store: Store, selection: Selection) -> pd.DataFrame:
    """Outcomes by task and split. See data.queries.fetch_task_counts."""
    from data.queries import fetch_task_counts

    return fetch_task_counts(store, selection)


@step(reads_denominator=False)
def level_scores(store: Store, selection: Selection) -> pd.DataFrame:
    """Published numbers of levels. See data.queries.fetch_level_scores."""
    from data.queries import fetch_level_scores

    return fetch_level_scores(store, selection)
