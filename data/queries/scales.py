"""Scores over scale: how large, how long trained and how good each run is, every checkpoint of it,
from answers and from stated numbers.
"""

from __future__ import annotations

import pandas as pd

from data.queries.selection_sql import OOD_KIND, frame_of, placed, where_selected
from data.records import Selection, StoreError
from data.store import Store

SAMPLE_METRICS = ("accuracy", "answer_logprob", "token_accuracy")
"""What answers themselves give: share of right ones, log-probability of the reference answer (nats,
its tokens summed), share of the reference's tokens that the response has in the same place (tokens
as in `analysis.what_if.metrics.own_tokens`).
"""

LOSS_KEYS = ("answer_loss", "train_loss", "eval_loss", "validation_loss", "final_loss", "loss")
"""What a run's metadata may call its loss, the first that is there counts."""
_LOSS_METRICS = {
    "loss": "s.value",
    "nll": "s.value",
    "cross_entropy": "s.value",
    "bits_per_byte": "s.value",
    "word_perplexity": "ln(s.value)",
    "byte_perplexity": "ln(s.value)",
    "ppl": "ln(s.value)",
    "perplexity": "ln(s.value)",
}
_STATED_LOSS = " UNION ALL ".join(
    f"""
    SELECT s.run_key, {value} AS loss, {place} AS place,
           '{"ln " if value.startswith("ln") else ""}{metric} of ' || coalesce(t.task, 'the run')
               AS loss_name
    FROM scores s
    LEFT JOIN tasks t USING (task_key)
    WHERE s.metric = '{metric}' AND s.value > 0 AND NOT s.is_group
    """
    for place, (metric, value) in enumerate(_LOSS_METRICS.items())
)
_OWN_LOSS = ", ".join(f"TRY_CAST(r.metadata->>'{key}' AS DOUBLE)" for key in LOSS_KEYS)
_OWN_LOSS_NAME = (
    "CASE "
    + " ".join(
        f"WHEN TRY_CAST(r.metadata->>'{key}' AS DOUBLE) IS NOT NULL THEN '{key.replace('_', ' ')}'"
        for key in LOSS_KEYS
    )
    + " END"
)

_LADDER_TOKENS = "regexp_extract_all({0}, '[a-z]+| ?[0-9]|[:=$]|.')"
_WORDS = r"regexp_extract_all(regexp_replace({0}, '(\d)\.0+\b', '\1', 'g'), '[^\s\[\](),;]+')"
_TOKENS = (
    f"CASE WHEN regexp_full_match(target, '( [0-9]+)+[$]') THEN {_LADDER_TOKENS} ELSE {_WORDS} END"
)
_REFERENCE_AND_ANSWER = (
    f"{_TOKENS.format('target')} AS reference, {_TOKENS.format('response')} AS answer"
)
_SAME_TOKENS = (
    "len(list_filter(list_zip(reference, answer), pair -> pair[1] = pair[2]))::DOUBLE /"
    " nullif(len(reference), 0)"
)


def fetch_scales(store: Store, selection: Selection) -> pd.DataFrame:
    """Every run of a selection with every scale it can be placed on; every checkpoint, and of
    several OOD kinds each model's main one.

    Columns: run_id, model, family str|None, checkpoint str|None, step Int64, is_last bool (the last
        checkpoint of its model), n_params, train_tokens, train_flops float, flops_source
        "stated"|"6 x parameters x tokens"|None, loss float, loss_name str|None. Tokens and FLOPs of
        a checkpoint are its own; those of the whole training (catalog) stand in for runs without a
        step only. A loss is the run's own where its metadata states one, else the first loss among
        its scores; perplexities as their logarithm. Losses of different names must not be put on
        one axis.
    """
    chosen, values = where_selected(selection, tasks=False)
    return frame_of(
        store,
        f"""
        WITH placed AS (
            SELECT r.run_key, r.run_id, m.model, m.family, r.checkpoint, r.step,
                   coalesce(r.n_params, m.n_params)::DOUBLE AS n_params,
                   coalesce(r.train_tokens, CASE WHEN r.step IS NULL THEN m.train_tokens END)
                       AS train_tokens,
                   coalesce(TRY_CAST(r.metadata->>'train_flops' AS DOUBLE),
                            CASE WHEN r.step IS NULL AND r.train_tokens IS NULL
                                 THEN m.train_flops END) AS stated_flops,
                   coalesce({_OWN_LOSS}) AS own_loss, {_OWN_LOSS_NAME} AS own_loss_name
            FROM runs r
            JOIN models m USING (model_key)
            WHERE {chosen} AND {_main_kind(selection)}),
        losses AS (
            SELECT run_key, arg_min(loss, (place, loss_name)) AS loss,
                   arg_min(loss_name, (place, loss_name)) AS loss_name
            FROM ({_STATED_LOSS})
            GROUP BY run_key),
        computed AS (
            SELECT *, 6 * n_params * train_tokens AS own_flops,
                   abs(stated_flops / own_flops - 1) < 0.001 AS is_own
            FROM placed)
        SELECT run_id, model, family, checkpoint, step,
               coalesce(step = max(step) OVER (PARTITION BY model), true) AS is_last,
               n_params, train_tokens,
               CASE WHEN stated_flops IS NULL OR is_own THEN own_flops ELSE stated_flops END
                   AS train_flops,
               CASE WHEN stated_flops IS NOT NULL AND NOT coalesce(is_own, false) THEN 'stated'
                    WHEN n_params * train_tokens IS NOT NULL THEN '6 x parameters x tokens' END
                   AS flops_source,
               coalesce(own_loss, loss) AS loss, coalesce(own_loss_name, loss_name) AS loss_name
        FROM computed
        LEFT JOIN losses USING (run_key)
        ORDER BY model, step, run_id
        """,
        **values,
    ).astype({"step": "Int64"})


def _main_kind(selection: Selection) -> str:
    """Of the runs of a model on several kinds of OOD instances, those of the kind most of them
    have; a run without a kind always counts.
    """
    if selection.ood or selection.runs:
        return "TRUE"
    return f"""({OOD_KIND} IS NULL OR (r.model_key, {OOD_KIND}) IN (
        SELECT model_key, ood
        FROM (
            SELECT model_key, {OOD_KIND} AS ood, count(*) AS n, max(added_at) AS newest
            FROM runs r
            GROUP BY ALL)
        WHERE ood IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY model_key ORDER BY n DESC, newest DESC, ood) = 1))
        """


def fetch_scale_metrics(store: Store) -> pd.DataFrame:
    """What can be put over scale: metric, task str|None, reading str, n_runs, n_models, source
    "samples"|"aggregates", higher_is_better.

    `reading` tells several readings of one metric apart (shots, filter); "" where there is one
    only. Group numbers are left out.
    """
    where_found = {
        "accuracy": "cells WHERE is_primary",
        "answer_logprob": "samples WHERE answer_logprob IS NOT NULL",
        "token_accuracy": "samples WHERE target IS NOT NULL",
    }
    counted = " UNION ALL ".join(
        f"SELECT DISTINCT '{metric}' AS metric, task_key, run_key FROM {where_found[metric]}"
        for metric in SAMPLE_METRICS
    )
    return frame_of(
        store,
        f"""
        WITH every AS (
            SELECT metric, task_key, '' AS reading, run_key, 'samples' AS source,
                   true AS higher_is_better
            FROM ({counted})
            UNION ALL
            SELECT metric, task_key, {_READING} AS reading, x.run_key, 'aggregates',
                   coalesce(higher_is_better, true)
            FROM scores x
            JOIN runs r USING (run_key)
            WHERE NOT is_group AND {_VALUE} IS NOT NULL)
        SELECT e.metric, t.task, e.reading, e.source,
               bool_and(e.higher_is_better) AS higher_is_better,
               count(DISTINCT run_key) AS n_runs, count(DISTINCT model_key) AS n_models
        FROM every e
        JOIN runs r USING (run_key)
        LEFT JOIN tasks t USING (task_key)
        GROUP BY e.metric, t.task, e.reading, e.source
        ORDER BY e.metric, t.task NULLS FIRST, n_runs DESC, e.reading
        """,
    )


_READING = """concat_ws(', ', coalesce(x.n_shot, r.n_shot) || '-shot', x.variant, x.subset)"""
_VALUE = "CASE WHEN x.scale IN ('0-1', '0-100') THEN x.value01 ELSE x.value END"


def fetch_scale_values(
    store: Store, selection: Selection, metric: str, *, reading: str | None = None
) -> pd.DataFrame:
    """One metric of every run of a selection, one row per run, task, level, split and reading.

    Args:
        metric: one of SAMPLE_METRICS, or a metric that scores name. "accuracy" holds both.
        reading: only this reading of stated scores.

    Returns:
        run_id, task str|None, level Int16, split str|None, reading str, source
        "samples"|"aggregates", value float (NaN for accuracy from answers: counts and a denominator
        make it), se float, n float, n_correct, n_wrong, n_unparsed, n_error Int64 (NA unless
        counted), n_instances Int64 (fewer than answers where instances were asked several times),
        is_share bool (the value lies on 0-1).

    Raises:
        StoreError: an empty metric name.
    """
    if not metric:
        raise StoreError(
            f"Name a metric: one of {', '.join(SAMPLE_METRICS)}, or one that imported scores have."
        )
    chosen, values = where_selected(selection)
    parts = [_stated(chosen, selection, reading)]
    if metric in SAMPLE_METRICS:
        parts.append(_from_answers(metric, chosen, selection))
    frame = frame_of(
        store,
        f"SELECT * FROM ({' UNION ALL BY NAME '.join(parts)}) ORDER BY run_id, task, level, split,"
        " reading",
        scheme=selection.scheme,
        metric=metric,
        reading=reading or "",
        **values,
    )
    counts = dict.fromkeys(
        ("n_correct", "n_wrong", "n_unparsed", "n_error", "n_instances"), "Int64"
    )
    return frame.astype(
        {"level": "Int16", "n": "float64", "se": "float64", "value": "float64", **counts}
    )


def _stated(chosen: str, selection: Selection, reading: str | None) -> str:
    scores = placed(
        "scores",
        f"""{chosen} AND {_main_kind(selection)} AND NOT x.is_group AND {_VALUE} IS NOT NULL
        AND NOT (x.metric = 'accuracy' AND x.run_key IN (SELECT run_key FROM cells))""",
        "x.rowid AS place",
        f"{_READING} AS reading",
        f"{_VALUE} AS shown",
    )
    only = "AND reading = $reading" if reading is not None else ""
    return f"""
        SELECT run_id, task, level, split, reading, 'aggregates' AS source, shown AS value,
               CASE WHEN scale = '0-100' THEN stderr / 100 ELSE stderr END AS se,
               n::DOUBLE AS n,
               NULL::BIGINT AS n_correct, NULL::BIGINT AS n_wrong, NULL::BIGINT AS n_unparsed,
               NULL::BIGINT AS n_error, NULL::BIGINT AS n_instances,
               scale IN ('0-1', '0-100') AS is_share
        FROM {scores}
        WHERE metric = $metric {only}
        QUALIFY row_number() OVER (
            PARTITION BY run_key, task_key, level, split, reading
            ORDER BY flag NULLS FIRST, place) = 1
        """


def _from_answers(metric: str, chosen: str, selection: Selection) -> str:
    wanted = f"x.is_primary AND {chosen} AND {_main_kind(selection)}"
    if metric == "accuracy":
        return f"""
        SELECT run_id, task, level, split, '' AS reading, 'samples' AS source,
               sum(n_correct)::BIGINT AS n_correct, sum(n_wrong)::BIGINT AS n_wrong,
               sum(n_unparsed)::BIGINT AS n_unparsed, sum(n_error)::BIGINT AS n_error,
               sum(n_instances)::BIGINT AS n_instances, true AS is_share
        FROM {placed("cells", wanted)}
        GROUP BY ALL
        """
    what, answers = "answer_logprob", placed("samples", wanted)
    if metric == "token_accuracy":
        with_text = f"{wanted} AND x.target IS NOT NULL AND x.response IS NOT NULL"
        # First which answers, then their tokens: cutting the text of all answers costs a second.
        what = _SAME_TOKENS
        answers = f"""(
            WITH wanted AS MATERIALIZED (
                SELECT run_id, task, level, split, target, response
                FROM {placed("samples", with_text)})
            SELECT run_id, task, level, split, {_REFERENCE_AND_ANSWER}
            FROM wanted)"""
    return f"""
        SELECT run_id, task, level, split, '' AS reading, 'samples' AS source, avg({what}) AS value,
               CASE WHEN count({what}) > 1 THEN stddev_samp({what}) / sqrt(count({what})) END AS se,
               count({what})::DOUBLE AS n, {metric != "answer_logprob"} AS is_share
        FROM {answers}
        GROUP BY run_id, task, level, split
        HAVING count({what}) > 0
        """


def fetch_metric_correlations(
    store: Store, selection: Selection, first: str, second: str
) -> pd.DataFrame:
    """How two metrics of the same answers go together, one row per run, task, level and split that
    has both.

    Args:
        first, second: two of SAMPLE_METRICS; any other gives no rows, for stated scores have no
            answers to pair.

    Returns:
        run_id, task str|None, level Int16, split str|None, reading str (""), correlation float
        (Pearson over the answers that have both; NaN where one of them is the same in all), n
        float. For accuracy a right answer is 1 and any other 0; failed answers are left out.
    """
    chosen, values = where_selected(selection)
    if not {first, second} <= set(SAMPLE_METRICS):
        return pd.DataFrame(
            columns=["run_id", "task", "level", "split", "reading", "correlation", "n"]
        )
    value_of = {
        "accuracy": "(outcome = 'correct')::INT::DOUBLE",
        "answer_logprob": "answer_logprob",
        "token_accuracy": _SAME_TOKENS,
    }
    tokens = f", {_REFERENCE_AND_ANSWER}" if "token_accuracy" in (first, second) else ""
    answered = f"x.is_primary AND x.outcome <> 'error' AND {chosen} AND {_main_kind(selection)}"
    frame = frame_of(
        store,
        f"""
        WITH wanted AS MATERIALIZED (
            SELECT run_id, task, level, split, outcome, answer_logprob, target, response
            FROM {placed("samples", answered)}),
        valued AS (
            SELECT run_id, task, level, split, {value_of[first]} AS a, {value_of[second]} AS b
            FROM (SELECT *{tokens} FROM wanted))
        SELECT run_id, task, level, split, '' AS reading,
               CASE WHEN var_pop(a) > 0 AND var_pop(b) > 0 THEN corr(a, b) END AS correlation,
               count(*)::DOUBLE AS n
        FROM valued
        WHERE a IS NOT NULL AND b IS NOT NULL
        GROUP BY run_id, task, level, split
        ORDER BY ALL
        """,
        scheme=selection.scheme,
        **values,
    )
    return frame.astype({"level": "Int16", "correlation": "float64", "n": "float64"})
