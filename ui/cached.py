"""Everything that is kept between reruns: the open store, what was read from it, what was computed from that. The only file that caches.

Every read is keyed by the store's file, the store's version and the frozen arguments, so a write anywhere makes the next read fresh and
nothing ever needs clearing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import streamlit as st

from data import queries
from data.bootstrap import open_store
from data.grading_effect import read_grading_effect
from data.methods import AGREEMENT_FILE, METHODS_FILE, Method, read_agreement, read_methods
from data.queries import SampleFilter
from data.records import SCYLLA_SCHEME, Denominator, NotEnoughDataError, Selection, Split
from data.store import FILE_NAME, Store
from data.watching import Watch
from data.watching import watched_folders as read_watched_folders
from ui.figures.theme import ModelStyle, model_styles, natural_order
from ui.plain import plain
from ui.settings import settings

if TYPE_CHECKING:
    from analysis.answer_likelihood import AnswerLikelihood
    from analysis.answer_matrix import AnswerMatrix
    from analysis.compare import Comparison
    from analysis.conclusions import Conclusion
    from analysis.difficulty import LevelAxis
    from analysis.emergence import Emergence
    from analysis.explanation import Explanation
    from analysis.level_by_size import LevelBySize
    from analysis.loss_threshold import LossThreshold
    from analysis.multiverse import Multiverse
    from analysis.probe_tasks import ProbeReading
    from analysis.published import ScoreBounds
    from analysis.scale_series import Series, Wanted
    from analysis.scoring import Cells
    from analysis.valley import Valley
    from probe.desk import Desk

Answer = TypeVar("Answer")


def store() -> Store:
    """The store of this dashboard. On the first start of all it is made, and the page shows how far that is."""
    folder = settings().store
    if not (folder / FILE_NAME).exists() and folder.suffix != ".duckdb":
        _make_store(str(folder))
    return _open_store(str(folder))


def _make_store(folder: str) -> None:
    # Not inside the cached function: Streamlit would play the progress bar back to every later visitor.
    place = st.empty()
    bar = place.progress(0.0, text="Making the store from the shipped sources")

    def report(done: int, total: int, what: str) -> None:
        bar.progress(min(1.0, done / max(1, total)), text=f"Making the store from the shipped sources: {plain(what)}")

    open_store(folder, progress=report).close()
    place.empty()


@st.cache_resource(max_entries=4, show_spinner="Opening the store")
def _open_store(folder: str) -> Store:
    return open_store(folder)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=lambda desk: desk.close())
def desk() -> Desk:
    """The one place of this server where a model is open; every session gets the same. See probe.desk."""
    from probe.desk import Desk

    return Desk()


def watched_folders() -> tuple[Path, ...]:
    """See data.watching.watched_folders."""
    opened = store()
    return _watched_folders(str(opened.file), opened.version)


@st.cache_data(max_entries=8, show_spinner=False)
def _watched_folders(file: str, version: int) -> tuple[Path, ...]:
    return read_watched_folders(store())


def watch() -> Watch:
    """The one watch of this server over this store; it looks into the folders from the first call on."""
    return _watch(str(store().file))


@st.cache_resource(max_entries=4, show_spinner=False, on_release=lambda watch: watch.stop())
def _watch(file: str) -> Watch:
    watch = Watch(store())
    watch.start()
    return watch


# -- what is here ------------------------------------------------------------------------------------------------------------------


def store_info() -> dict[str, Any]:
    """See data.queries.fetch_store_info."""
    return _ask(queries.fetch_store_info)


def models() -> pd.DataFrame:
    """See data.queries.fetch_models."""
    return _ask(queries.fetch_models)


def tasks() -> pd.DataFrame:
    """See data.queries.fetch_tasks."""
    return _ask(queries.fetch_tasks)


def schemes() -> pd.DataFrame:
    """See data.queries.fetch_schemes."""
    return _ask(queries.fetch_schemes)


def levels(scheme: str) -> pd.DataFrame:
    """See data.queries.fetch_levels."""
    return _ask(queries.fetch_levels, scheme)


def ood_kinds() -> pd.DataFrame:
    """See data.queries.fetch_ood_kinds."""
    return _ask(queries.fetch_ood_kinds)


def runs() -> pd.DataFrame:
    """See data.queries.fetch_runs."""
    return _ask(queries.fetch_runs)


def run(run_id: str) -> dict[str, Any]:
    """See data.queries.fetch_run."""
    return _ask(queries.fetch_run, run_id)


def imports() -> pd.DataFrame:
    """See data.queries.fetch_imports."""
    return _ask(queries.fetch_imports)


def rejects(import_key: int | None = None, *, limit: int = 1000) -> pd.DataFrame:
    """See data.queries.fetch_rejects."""
    return _ask(queries.fetch_rejects, import_key, limit=limit)


def styles() -> dict[str, ModelStyle]:
    """Colour and symbol of every model of the store; the same on every page, whatever is selected."""
    known = models()
    families = {model: family if isinstance(family, str) else None for model, family in zip(known["model"], known["family"], strict=True)}
    return model_styles(families)


def sizes() -> dict[str, tuple[str, int]]:
    """Family and number of parameters of the models for which both are known."""
    known = models().dropna(subset=["family", "n_params"])
    rows = zip(known["model"], known["family"], known["n_params"], strict=True)
    return {model: (family, int(n_params)) for model, family, n_params in rows}


# -- counts, scores, samples -------------------------------------------------------------------------------------------------------


def task_counts(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_task_counts."""
    return _ask(queries.fetch_task_counts, selection)


def level_scores(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_level_scores."""
    return _ask(queries.fetch_level_scores, selection)


def scores(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_scores."""
    return _ask(queries.fetch_scores, selection)


def answers(selection: Selection, *, columns: tuple[str, ...] = (), wanted: SampleFilter | None = None) -> pd.DataFrame:
    """See data.queries.fetch_answers."""
    return _ask(queries.fetch_answers, selection, columns=columns, wanted=wanted)


def sample_count(selection: Selection, wanted: SampleFilter) -> int:
    """See data.queries.count_samples."""
    return _ask(queries.count_samples, selection, wanted)


def sample_page(selection: Selection, wanted: SampleFilter, *, sort: str = "run order", page: int = 0, page_size: int = 50) -> pd.DataFrame:
    """See data.queries.fetch_sample_page."""
    return _ask(queries.fetch_sample_page, selection, wanted, sort=sort, page=page, page_size=page_size)


def sample(run_id: str, row_in_run: int, scheme: str = SCYLLA_SCHEME) -> dict[str, Any]:
    """See data.queries.fetch_sample."""
    return _ask(queries.fetch_sample, run_id, row_in_run, scheme=scheme)


def neighbours(
    selection: Selection, wanted: SampleFilter, run_id: str, row_in_run: int, *, sort: str = "run order"
) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
    """See data.queries.fetch_neighbours."""
    return _ask(queries.fetch_neighbours, selection, wanted, run_id, row_in_run, sort=sort)


# -- valleys -----------------------------------------------------------------------------------------------------------------------


def valley_sources(selection: Selection) -> tuple[tuple[str, str], ...]:
    """Models of the selection that have a valley, each with its source: those with counted "samples", then those with "published" means."""
    opened = store()
    return _valley_sources(str(opened.file), opened.version, replace(selection, denominator=Denominator.UNPARSED_IS_WRONG))


def valley(model: str, source: str, selection: Selection) -> Valley:
    """The valley of one model, from "samples" or "published". See analysis.valley and analysis.published."""
    opened = store()
    return _valley(str(opened.file), opened.version, source, replace(selection, models=(model,)))


def explanation(model: str, source: str, selection: Selection) -> Explanation:
    """What explains the gap of one model. See analysis.explanation. Raises NotEnoughDataError for published means."""
    opened = store()
    return _explanation(str(opened.file), opened.version, source, replace(selection, models=(model,)))


def score_bounds(selection: Selection) -> tuple[ScoreBounds, ...]:
    """What published scores alone say about the gap. See analysis.published.score_bounds."""
    opened = store()
    return _score_bounds(str(opened.file), opened.version, selection)


@st.cache_data(max_entries=64, show_spinner=False)
def _valley_sources(file: str, version: int, selection: Selection) -> tuple[tuple[str, str], ...]:
    counts = queries.fetch_task_counts(store(), selection)
    counts = counts[counts["level"].notna() & counts["role"].ne("probe").fillna(True).astype(bool)]
    counted = _with_both_splits(counts, ["model", "task"])
    means = queries.fetch_level_scores(store(), selection)
    means = means[(means["metric"] == "accuracy") & means["task"].isna()]
    published = _with_both_splits(means, ["model", "level"])
    return (
        *((model, "samples") for model in sorted(counted, key=natural_order)),
        *((model, "published") for model in sorted(published - counted, key=natural_order)),
    )


def _with_both_splits(frame: pd.DataFrame, pair: list[str]) -> set[str]:
    n_splits = frame.groupby(pair)["split"].nunique()
    return set(n_splits[n_splits == len(Split)].index.get_level_values("model"))


# The analysis brings scipy along, which costs half a second: it is loaded by the first page that needs it.


@st.cache_data(max_entries=512, show_spinner=False)
def _valley(file: str, version: int, source: str, selection: Selection) -> Valley:
    from analysis.published import valleys_from_published
    from analysis.valley import Settings, locate_valley

    estimation = Settings(denominator=selection.denominator)
    if source == "published":
        return valleys_from_published(queries.fetch_level_scores(store(), selection), estimation)[0]
    axis = _level_axis(file, version, replace(selection, models=()))
    return locate_valley(queries.fetch_task_counts(store(), selection), settings=estimation, axis=axis)


@st.cache_data(max_entries=64, show_spinner=False)
def _level_axis(file: str, version: int, selection: Selection) -> LevelAxis:
    from analysis.difficulty import difficulty_axis

    return difficulty_axis(queries.fetch_task_counts(store(), selection), selection.denominator)


@st.cache_data(max_entries=256, show_spinner=False)
def _explanation(file: str, version: int, source: str, selection: Selection) -> Explanation:
    from analysis.explanation import explain_valley

    return explain_valley(_valley(file, version, source, selection))


@st.cache_data(max_entries=64, show_spinner=False)
def _score_bounds(file: str, version: int, selection: Selection) -> tuple[ScoreBounds, ...]:
    from analysis.published import score_bounds as bound

    return bound(queries.fetch_level_scores(store(), selection))


# -- scores over scale -------------------------------------------------------------------------------------------------------------


def scale_metrics() -> pd.DataFrame:
    """See data.queries.fetch_scale_metrics."""
    return _ask(queries.fetch_scale_metrics)


def scales(selection: Selection) -> pd.DataFrame:
    """See data.queries.fetch_scales."""
    return _ask(queries.fetch_scales, replace(selection, tasks=(), denominator=Denominator.UNPARSED_IS_WRONG))


def series(selection: Selection, metric: str, wanted: Wanted) -> Series:
    """One metric over one scale. See analysis.scale_series.gather."""
    opened = store()
    return _series(str(opened.file), opened.version, selection, metric, wanted)


def emergence(selection: Selection, metric: str, wanted: Wanted, chance: float) -> Emergence | None:
    """What is computed of one series; None where no run has it. See analysis.emergence.study."""
    opened = store()
    return _emergence(str(opened.file), opened.version, selection, metric, wanted, chance)


def loss_threshold(selection: Selection, metric: str, wanted: Wanted, chance: float) -> LossThreshold | str:
    """Hinge of a metric against loss, or why there is none. See analysis.emergence.threshold_of."""
    opened = store()
    return _loss_threshold(str(opened.file), opened.version, selection, metric, wanted, chance)


@st.cache_data(max_entries=256, show_spinner=False)
def _series(file: str, version: int, selection: Selection, metric: str, wanted: Wanted) -> Series:
    from analysis.scale_series import gather

    # All tasks of a metric are read once: every further task, level or split is then a filter in memory.
    every = replace(selection, tasks=(), denominator=Denominator.UNPARSED_IS_WRONG)
    return gather(scales(every), _ask(queries.fetch_scale_values, every, metric), metric, wanted, draw=False)


@st.cache_data(max_entries=256, show_spinner=False)
def _emergence(file: str, version: int, selection: Selection, metric: str, wanted: Wanted, chance: float) -> Emergence | None:
    from analysis.emergence import study
    from analysis.scale_series import gather

    every = replace(selection, tasks=(), denominator=Denominator.UNPARSED_IS_WRONG)
    found = gather(scales(every), _ask(queries.fetch_scale_values, every, metric), metric, wanted)
    return study(found, chance=chance) if len(found.points) else None


@st.cache_data(max_entries=64, show_spinner=False)
def _loss_threshold(file: str, version: int, selection: Selection, metric: str, wanted: Wanted, chance: float) -> LossThreshold | str:
    from analysis.emergence import threshold_of

    try:
        return threshold_of(_series(file, version, selection, metric, wanted), chance=chance)
    except NotEnoughDataError as error:
        return str(error)


# -- critical level and size, probe tasks, answer probabilities --------------------------------------------------------------------


def level_by_size(source: str, selection: Selection) -> LevelBySize:
    """Critical levels against size, of "published" levels or those of stored "samples". See analysis.level_by_size."""
    opened = store()
    return _level_by_size(str(opened.file), opened.version, source, selection)


def probe_readings(selection: Selection) -> tuple[ProbeReading, ...]:
    """Complexity used on probe tasks. See analysis.probe_tasks."""
    opened = store()
    return _probe_readings(str(opened.file), opened.version, selection)


def answer_likelihood(model: str, selection: Selection) -> AnswerLikelihood:
    """How likely the reference answers were to one model. See analysis.answer_likelihood."""
    opened = store()
    return _answer_likelihood(str(opened.file), opened.version, replace(selection, models=(model,)))


@st.cache_data(max_entries=64, show_spinner=False)
def _level_by_size(file: str, version: int, source: str, selection: Selection) -> LevelBySize:
    from analysis.level_by_size import counted_levels, level_by_size, published_levels

    known = models()
    if source == "published":
        rows = published_levels(level_scores(selection), known)
    else:
        rows = counted_levels(task_counts(selection), known, selection.denominator)
    places = [int(level) for level in levels(selection.scheme)["level"]] or [int(level) for level in rows["level"].dropna()]
    return level_by_size(rows, source=source, lowest=min(places, default=1), highest=max(places, default=5))


@st.cache_data(max_entries=64, show_spinner=False)
def _probe_readings(file: str, version: int, selection: Selection) -> tuple[ProbeReading, ...]:
    from analysis.probe_tasks import probe_readings

    return probe_readings(task_counts(selection), selection.denominator)


@st.cache_data(max_entries=128, show_spinner=False)
def _answer_likelihood(file: str, version: int, selection: Selection) -> AnswerLikelihood:
    from analysis.answer_likelihood import answer_likelihood

    columns = ("answer_logprob", "token_logprobs", "target")
    answers = queries.fetch_answers(store(), selection, columns=columns)
    return answer_likelihood(answers, selection.models[0], denominator=selection.denominator)


# -- comparisons -------------------------------------------------------------------------------------------------------------------


def answer_matrix(models: tuple[str, ...], selection: Selection) -> AnswerMatrix:
    """Answers of these models side by side. See analysis.answer_matrix."""
    opened = store()
    return _answer_matrix(str(opened.file), opened.version, replace(selection, models=models))


def comparison(models: tuple[str, ...], baseline: str, grouping: str, unit: str, selection: Selection) -> Comparison:
    """These models against a baseline. See analysis.compare.compare_models."""
    opened = store()
    return _comparison(str(opened.file), opened.version, baseline, grouping, unit, replace(selection, models=models))


def agreement(models: tuple[str, ...], selection: Selection) -> pd.DataFrame:
    """Which of these models are wrong on the same instances. See analysis.agreement.agreement_table."""
    opened = store()
    return _agreement(str(opened.file), opened.version, replace(selection, models=models))


# A resource, not data: nobody writes into it, and a copy for every rerun would cost more than what is done with it.
@st.cache_resource(max_entries=16, show_spinner=False)
def _answer_matrix(file: str, version: int, selection: Selection) -> AnswerMatrix:
    from analysis.answer_matrix import answer_matrix as build

    return build(queries.fetch_answers(store(), selection), selection.models, selection.denominator)


@st.cache_data(max_entries=128, show_spinner=False)
def _comparison(file: str, version: int, baseline: str, grouping: str, unit: str, selection: Selection) -> Comparison:
    from analysis.compare import compare_models
    from analysis.compare_rows import CompareSettings

    matrix, means = _answer_matrix(file, version, selection), queries.fetch_level_scores(store(), selection)
    return compare_models(matrix, means, selection.models, baseline, CompareSettings(grouping=grouping, unit=unit))


@st.cache_data(max_entries=32, show_spinner=False)
def _agreement(file: str, version: int, selection: Selection) -> pd.DataFrame:
    from analysis.agreement import agreement_table, choices_by_column

    matrix = _answer_matrix(file, version, selection)
    answers = queries.fetch_answers(store(), selection, columns=("choice_logprobs", "answer_logprob"))
    return agreement_table(matrix, choices_by_column(matrix, answers))


# -- what if -----------------------------------------------------------------------------------------------------------------------


def metric_cells(selection: Selection) -> Cells:
    """The selection's answers under every metric, and published level means, summed by cell. Sliders re-aggregate what this returns."""
    opened = store()
    # The denominator is one of the things that re-aggregation varies.
    return _metric_cells(str(opened.file), opened.version, replace(selection, denominator=Denominator.UNPARSED_IS_WRONG))


def multiverse(selection: Selection, models: tuple[str, ...], conclusion: Conclusion) -> Multiverse:
    """Every specification of a conclusion on these models. See analysis.multiverse."""
    opened = store()
    wanted = replace(selection, denominator=Denominator.UNPARSED_IS_WRONG)
    return _multiverse(str(opened.file), opened.version, wanted, models, conclusion)


def grading_effect() -> pd.DataFrame:
    """See data.grading_effect.read_grading_effect."""
    return read_grading_effect()


@st.cache_data(max_entries=16, show_spinner="Scoring every answer under every metric")
def _metric_cells(file: str, version: int, selection: Selection) -> Cells:
    from analysis.published_cells import cells_of_published, join_cells
    from analysis.scoring import NEEDED_COLUMNS, reduce_samples

    answers = queries.fetch_answers(store(), selection, columns=NEEDED_COLUMNS)
    published = cells_of_published(queries.fetch_level_scores(store(), selection))
    return join_cells(reduce_samples(answers, chance=queries.fetch_chance(store())), published)


@st.cache_data(max_entries=64, show_spinner=False)
def _multiverse(file: str, version: int, selection: Selection, models: tuple[str, ...], conclusion: Conclusion) -> Multiverse:
    from analysis.multiverse import multiverse as compute

    return compute(_metric_cells(file, version, selection).narrowed(models), conclusion)


# -- how numbers are made ----------------------------------------------------------------------------------------------------------


def methods() -> tuple[Method, ...]:
    """See data.methods.read_methods. An edit of the file shows on the next rerun."""
    return _methods(METHODS_FILE.stat().st_mtime_ns)


def certified_agreement() -> pd.DataFrame:
    """See data.methods.read_agreement."""
    return _certified_agreement(AGREEMENT_FILE.stat().st_mtime_ns if AGREEMENT_FILE.exists() else 0)


@st.cache_data(max_entries=1, show_spinner=False)
def _methods(changed_ns: int) -> tuple[Method, ...]:
    return read_methods()


@st.cache_data(max_entries=1, show_spinner=False)
def _certified_agreement(changed_ns: int) -> pd.DataFrame:
    return read_agreement()


# -- details -----------------------------------------------------------------------------------------------------------------------


def _ask(question: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """Answer a question to the store, from the cache while the store is as it was."""
    opened = store()
    answer: Answer = _read(question.__name__, str(opened.file), opened.version, arguments, tuple(sorted(named.items())))
    return answer


@st.cache_data(max_entries=512, show_spinner=False)
def _read(question: str, file: str, version: int, arguments: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Any:
    return getattr(queries, question)(store(), *arguments, **dict(named))
