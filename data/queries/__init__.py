"""Questions the pages and the shell ask of the store, one function each: Selection in, DataFrame
out. All SQL that reads stands here.

Frames have the columns their docstrings list even when no row matches. Shares are 0-1, missing
numbers NaN, missing words None.
"""

from data.queries.counts import (
    fetch_chance,
    fetch_choice_chance,
    fetch_level_scores,
    fetch_scores,
    fetch_task_counts,
)
from data.queries.identity import (
    fetch_checkpoints,
    fetch_fingerprints,
    fetch_model_names,
    fetch_stated_scores,
)
from data.queries.inventory import (
    fetch_imports,
    fetch_levels,
    fetch_models,
    fetch_ood_kinds,
    fetch_rejects,
    fetch_run,
    fetch_runs,
    fetch_schemes,
    fetch_store_info,
    fetch_tasks,
    fetch_views,
)
from data.queries.samples import (
    EXTRA_COLUMNS,
    SAMPLE_SORTS,
    SampleFilter,
    count_samples,
    fetch_answers,
    fetch_neighbours,
    fetch_sample,
    fetch_sample_page,
)
from data.queries.scales import (
    SAMPLE_METRICS,
    fetch_metric_correlations,
    fetch_scale_metrics,
    fetch_scale_values,
    fetch_scales,
)
from data.queries.selecting import UnknownWordError, check_scheme, read_selection
from data.queries.selection_sql import where_selected

__all__ = [
    "EXTRA_COLUMNS",
    "SAMPLE_METRICS",
    "SAMPLE_SORTS",
    "SampleFilter",
    "UnknownWordError",
    "check_scheme",
    "count_samples",
    "fetch_answers",
    "fetch_chance",
    "fetch_checkpoints",
    "fetch_choice_chance",
    "fetch_fingerprints",
    "fetch_imports",
    "fetch_level_scores",
    "fetch_levels",
    "fetch_metric_correlations",
    "fetch_model_names",
    "fetch_models",
    "fetch_neighbours",
    "fetch_ood_kinds",
    "fetch_rejects",
    "fetch_run",
    "fetch_runs",
    "fetch_sample",
    "fetch_sample_page",
    "fetch_scale_metrics",
    "fetch_scale_values",
    "fetch_scales",
    "fetch_schemes",
    "fetch_scores",
    "fetch_stated_scores",
    "fetch_store_info",
    "fetch_task_counts",
    "fetch_tasks",
    "fetch_views",
    "read_selection",
    "where_selected",
]
