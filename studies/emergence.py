"""Does an ability emerge with scale, and is the jump the model's or the metric's?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from data.records import NotEnoughDataError, Selection
from studies.settings import SettingError, not_possible, setting
from studies.steps import any_denominator, step

if TYPE_CHECKING:
    import pandas as pd

    from analysis.emergence.loss_threshold import LossThreshold
    from analysis.emergence.scale_series import Series, Wanted
    from analysis.emergence.studying import Emergence, Mirage
    from data.store import Store

AXES = ("parameters", "FLOPs", "tokens", "step", "loss")
"""What scores can be put over; a test holds it to analysis.emergence.scale_series.AXES."""
COMMON_METRICS = ("accuracy", "answer_logprob", "token_accuracy")
"""Metrics that answers themselves give; a test holds it to data.queries.SAMPLE_METRICS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergenceSettings:
    """Which score over which scale. The tasks are those of the selection."""

    metric: str | None = setting(
        None,
        "accuracy, answer_logprob, token_accuracy or a metric of imported scores. Default: the"
        " first of them that any run has.",
    )
    task: str | None = setting(None, "Only this task of the selection.")
    level: int | None = setting(None, "Only tasks of this level.", least=0)
    split: str | None = setting(None, "Only this split. Default: both.", words=("id", "ood"))
    over: str = setting("parameters", "The scale.", words=AXES)
    line: str | None = setting(
        None, "Family (over tokens or step: model) to read. Default: all points."
    )
    reading: str | None = setting(None, "Reading of a stated score, such as 5-shot.")
    checkpoints: str = setting(
        "last", "The last checkpoint of each model, or every one.", words=("last", "every")
    )
    chance: float | None = setting(
        None,
        "Accuracy of guessing. Default: as known for the one task that is read, else unknown.",
        least=0,
        most=0.99,
    )
    against: str | None = setting(
        None, "Continuous metric of the same answers, to tell whose jump it is."
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmergenceStudy:
    """One score over one scale, read in every way.

    about      task or level and split, as a sentence names them.
    chance     accuracy of guessing that was used; None where it is not known.
    mirage     the score beside the metric of `against`; None without one.
    threshold  loss below which the score rises, over loss only. threshold_reason: why there is
               none.
    """

    found: Emergence
    metric: str
    about: str
    chance: float | None
    mirage: Mirage | None
    threshold: LossThreshold | None
    threshold_reason: str | None

    @property
    def sentence(self) -> str:
        """How far the score moves, whether it breaks and where, and whose jump that is."""
        from analysis.emergence.sentences import headline

        return headline(self.found, self.mirage, about=self.about)

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON: undefined numbers are None, infinite ones words."""
        record = {
            "sentence": self.sentence,
            **_plain(self.found),
            "mirage": self._mirage_record(),
            "loss_threshold": self.threshold,
            "loss_threshold_reason": self.threshold_reason,
            "chance": self.chance,
        }
        return _plain(record)

    def _mirage_record(self) -> dict[str, Any] | None:
        if self.mirage is None:
            return None
        told = (
            "verdict",
            "share_steeper",
            "steeper_by",
            "steeper_by_lo",
            "steeper_by_hi",
            "pairing",
        )
        pair = {name: getattr(self.mirage, name) for name in told}
        return pair | {"against": self.mirage.continuous}

    def report(self) -> str:
        """The sentence, what is said of break, suddenness, onset and law, and every form."""
        from analysis.emergence.sentences import report

        return report(self.found, self.sentence, self.threshold)


_LEFT_OUT = ("draws", "fitted", "residual", "parts")
"""Arrays that the points and the parameters give again."""


def _plain(value: Any) -> dict[str, Any]:
    from analysis.text import plain_value

    found: dict[str, Any] = plain_value(value, leave_out=_LEFT_OUT, name_infinite=True)
    return found


def emergence(store: Store, selection: Selection, settings: EmergenceSettings) -> EmergenceStudy:
    """One metric of the selection's models and tasks over a scale.

    Raises:
        NotEnoughDataError: no run has this score over this scale.
        SettingError: a metric, task, line or reading that no run has.
    """
    selection, settings = resolved(store, selection, settings)
    wanted = wanted_of(selection, settings)
    chance, _ = chance_of(store, selection, settings)
    found = fitted(store, selection, metric_of(settings), wanted, chance)
    threshold = reason = None
    if settings.over == "loss":
        threshold, reason = loss_threshold(store, selection, settings)
    return EmergenceStudy(
        found=found,
        metric=metric_of(settings),
        about=about_of(selection, settings),
        chance=chance,
        mirage=mirage(store, selection, settings) if settings.against else None,
        threshold=threshold,
        threshold_reason=reason,
    )


def resolved(
    store: Store, selection: Selection, settings: EmergenceSettings
) -> tuple[Selection, EmergenceSettings]:
    """The selection with the one task of the settings, and the settings with the metric that
    applies by default.

    Raises:
        SettingError: a metric, task, line or reading that no run has; says which there are.
    """
    known = scale_metrics(store)
    metric = settings.metric or metrics_in(known)[0]
    refuse_unknown("metric", metric, metrics_in(known))
    refuse_unknown("against", settings.against, metrics_in(known))
    mine = known[known["metric"] == metric]
    refuse_unknown("task", settings.task, mine["task"].dropna().unique())
    refuse_unknown("reading", settings.reading, mine["reading"].unique())
    if settings.task is not None:
        selection = replace(selection, tasks=(settings.task,))
    settings = replace(settings, metric=metric, task=None)
    if settings.line is not None:
        every = wanted_of(selection, replace(settings, line=None))
        lines = series(store, selection, metric, every, draw=False).lines
        refuse_unknown("line", settings.line, lines)
    return selection, settings


def refuse_unknown(name: str, word: str | None, known: Iterable[str]) -> None:
    """Raise SettingError for a word that the results do not have."""
    known = list(known)
    if word is not None and word not in known:
        raise SettingError(not_possible(name, word, known))


@step()
def scale_metrics(store: Store) -> pd.DataFrame:
    """What can be put over scale. See data.queries.fetch_scale_metrics."""
    from data.queries import fetch_scale_metrics

    known = fetch_scale_metrics(store)
    return known[~known["metric"].isin(_NOT_OFFERED)]


_NOT_OFFERED = ("critical_level", "generalization_score", "likelihood_difference")
"""Scores that are no score of answers, or have no direction."""


def metrics_in(known: pd.DataFrame) -> list[str]:
    """Metrics of `scale_metrics`: those of answers first, then those that most runs have."""
    counts = known.groupby("metric")["n_runs"].max().sort_values(ascending=False, kind="stable")
    ours = [name for name in COMMON_METRICS if name in counts.index]
    return [*ours, *(name for name in counts.index if name not in ours)] or ["accuracy"]


def metric_of(settings: EmergenceSettings) -> str:
    """The metric of settings that `resolved` has filled."""
    return settings.metric or COMMON_METRICS[0]


def wanted_of(selection: Selection, settings: EmergenceSettings) -> Wanted:
    """The settings as the analysis takes them."""
    from analysis.emergence.scale_series import Wanted

    return Wanted(
        axis=settings.over,
        tasks=selection.tasks,
        level=settings.level,
        split=settings.split,
        reading=settings.reading,
        every_checkpoint=settings.checkpoints == "every" or settings.over == "loss",
        line=settings.line,
        denominator=selection.denominator,
    )


def about_of(selection: Selection, settings: EmergenceSettings) -> str:
    """Task or level, split and reading, as a sentence names them."""
    what = ", ".join(selection.tasks) or "all tasks"
    if settings.level is not None:
        what = f"level {settings.level}"
    split = f" {settings.split.upper()}" if settings.split else ""
    return what + split + (f", {settings.reading}" if settings.reading else "")


def chance_of(
    store: Store, selection: Selection, settings: EmergenceSettings
) -> tuple[float | None, bool]:
    """Accuracy of guessing for what is read, and whether it was derived from the number of choices.

    The reader's own, else that of the one task that is read where it is the same in all its runs;
    None where it is not known, or where the metric is no share.
    """
    wanted = wanted_of(selection, settings)
    drawn = series(store, selection, metric_of(settings), wanted, draw=False)
    if settings.chance is not None or not drawn.is_share:
        return (settings.chance if drawn.is_share else None), False
    if len(selection.tasks) != 1 or not len(drawn.points):
        return None, False
    known, derived = _known_chance(store)
    places = {(str(run_id), selection.tasks[0]) for run_id in drawn.points["run_id"]}
    levels = {known.get(place) for place in places}
    if len(levels) > 1 or None in levels:
        return None, False
    return levels.pop(), any(place in derived for place in places)


@step()
def _known_chance(store: Store) -> tuple[dict[tuple[str, str], float], frozenset[tuple[str, str]]]:
    """Chance by run and task, and where it is derived from the number of choices."""
    from data.queries import fetch_chance, fetch_choice_chance

    return fetch_chance(store), frozenset(fetch_choice_chance(store))


@step(is_large=True)
def series(
    store: Store, selection: Selection, metric: str, wanted: Wanted, *, draw: bool = True
) -> Series:
    """One metric over one scale; without `draw` for a look at the points only."""
    return _series(store, any_denominator(replace(selection, tasks=())), metric, wanted, draw)


@step(is_large=True)
def _series(store: Store, selection: Selection, metric: str, wanted: Wanted, draw: bool) -> Series:
    from analysis.emergence.scale_series import gather

    # The rollups of a metric are read once: every further task, level or split is then a filter in
    # memory. Of what only answers tell, reading the wanted tasks is a tenth of reading all.
    tasks = wanted.tasks if metric in COMMON_METRICS[1:] else ()
    values = _scale_values(store, replace(selection, tasks=tasks), metric)
    return gather(scales(store, selection), values, metric, wanted, draw=draw)


@step()
def scales(store: Store, selection: Selection) -> pd.DataFrame:
    """Every run with every scale it can be placed on. See data.queries.fetch_scales."""
    from data.queries import fetch_scales

    return fetch_scales(store, any_denominator(replace(selection, tasks=())))


@step(is_large=True)
def _scale_values(store: Store, selection: Selection, metric: str) -> pd.DataFrame:
    from data.queries import fetch_scale_values

    return fetch_scale_values(store, selection, metric)


@step(is_large=True)
def fitted(
    store: Store,
    selection: Selection,
    metric: str,
    wanted: Wanted,
    chance: float | None,
    *,
    hold_out: bool = True,
) -> Emergence:
    """Everything that is computed of one series. See analysis.emergence.studying.study."""
    every = any_denominator(replace(selection, tasks=()))
    return _fitted(store, every, metric, wanted, chance, hold_out)


@step(is_large=True)
def _fitted(
    store: Store,
    selection: Selection,
    metric: str,
    wanted: Wanted,
    chance: float | None,
    hold_out: bool,
) -> Emergence:
    from analysis.emergence.studying import study

    found = series(store, selection, metric, wanted)
    return study(found, chance=chance if found.is_share else None, hold_out=hold_out)


@step()
def mirage(store: Store, selection: Selection, settings: EmergenceSettings) -> Mirage:
    """The score next to the continuous metric of the same answers.

    Raises:
        NotEnoughDataError: no run has one of the two.
    """
    from analysis.emergence.studying import compare_metrics
    from data.queries import fetch_metric_correlations

    other = settings.against or ""
    wanted = wanted_of(selection, settings)
    reading = None if other in COMMON_METRICS else settings.reading
    chance, _ = chance_of(store, selection, settings)
    first = fitted(store, selection, metric_of(settings), wanted, chance)
    second = fitted(
        store, selection, other, replace(wanted, reading=reading), chance, hold_out=False
    )
    answers = any_denominator(selection)
    together = fetch_metric_correlations(store, answers, metric_of(settings), other)
    return compare_metrics(first, second, together)


@step()
def loss_threshold(
    store: Store, selection: Selection, settings: EmergenceSettings
) -> tuple[LossThreshold | None, str | None]:
    """Loss below which the score rises, or None and why there is none."""
    from analysis.emergence.studying import threshold_of

    chance, _ = chance_of(store, selection, _over_loss(settings))
    try:
        return threshold_of(series_over_loss(store, selection, settings), chance=chance), None
    except NotEnoughDataError as error:
        return None, str(error)


def series_over_loss(store: Store, selection: Selection, settings: EmergenceSettings) -> Series:
    """The same score over loss, every checkpoint of the line that is read."""
    wanted = wanted_of(selection, _over_loss(settings))
    return series(store, selection, metric_of(settings), wanted)


def _over_loss(settings: EmergenceSettings) -> EmergenceSettings:
    # A line over tokens or steps is a model; over loss it is a family.
    line = None if settings.over in ("tokens", "step") else settings.line
    return replace(settings, over="loss", checkpoints="every", line=line)
