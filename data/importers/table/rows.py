"""Rows of a plain table as runs, scores and samples, by its mapping."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.importers.kit.base import ReportReject, sample_table, stable_run_id
from data.importers.table.chunk import Chunk, whole_number
from data.importers.table.headers import RAW_TWIN, SCALES, normalised
from data.importers.table.mapping import TableMapping, direction_of, is_average
from data.records import Outcome, Reject, RunInfo, Score

_RUN_KEY = ("model", "model_variant", "checkpoint", "dtype", "step", "seed", "n_shot", "run_label")
"""Roles that tell runs apart."""
MAX_TRAIN_TOKENS = 2e14
"""A larger number is a slip of the unit: the largest training sets have some 10^13 tokens."""
_PLAIN_VARIANTS = frozenset(("standard", "default"))
"""Variants that add nothing to a model's name."""
_SHARES = frozenset(("accuracy", "acc", "acc_norm", "exact_match"))
"""Metrics that are shares of right answers."""
_LM_EVAL_COLUMN = re.compile(
    r"(?P<task>.+?)_(?P<shots>\d+)_(?P<metric>acc_norm|acc|exact_match|bleu|f1|em|mc1|mc2|pass@1)(,(?P<filter>.+))?"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What only all rows together tell: scales, levels, whether scores are verdicts, which rows
    repeat others.
    """

    scales: Mapping[str, str]
    level_scheme: str | None = None
    levels: Mapping[str, int] = field(default_factory=dict)
    """Level of each label."""
    is_verdict: bool = False
    """Every score is 0 or 1, so it says right or wrong."""
    repeats: Mapping[int, int] = field(default_factory=dict)
    """Line of each repeated row, and the line it repeats."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Benchmark:
    """What a column of a wide table measures. A column and its twin named Raw (leaderboard exports)
    are two metrics of one task. Flattened lm-eval names (`<task>_<shots>_<metric>,<filter>`) are
    taken apart.
    """

    name: str
    task: str
    metric: str
    scale: str
    variant: str | None
    n_shot: int | None
    higher_is_better: bool | None
    is_group: bool

    @classmethod
    def of(cls, name: str, mapping: TableMapping, facts: Facts) -> _Benchmark:
        parts = _LM_EVAL_COLUMN.fullmatch(name)
        metric = parts["metric"] if parts else mapping.constants.get("metric", "score")
        columns = set(mapping.columns("benchmark_value"))
        task = name.removesuffix(RAW_TWIN) if name.removesuffix(RAW_TWIN) in columns else name
        if f"{name}{RAW_TWIN}" in columns:
            metric = "normalised"
        return cls(
            name=name,
            task=parts["task"] if parts else task,
            metric=metric,
            scale=facts.scales.get(name, "raw"),
            variant=parts["filter"] if parts else None,
            n_shot=int(parts["shots"]) if parts else None,
            higher_is_better=direction_of(metric),
            is_group=is_average(name),
        )


class TableRows:
    """Turns chunks of one table into records, keeping track of its runs."""

    def __init__(
        self, path: Path, sha256: str, mapping: TableMapping, facts: Facts, report: ReportReject
    ) -> None:
        self._path, self._sha256, self._mapping, self._facts, self._report = (
            path,
            sha256,
            mapping,
            facts,
            report,
        )
        self._place_word = "row" if mapping.separator is None else "line"
        self._runs: dict[tuple[str | None, ...], str] = {}
        self._extras: dict[str, tuple[Any, ...]] = {}

    def read(self, chunk: pd.DataFrame) -> Iterator[RunInfo | list[Score] | pa.Table]:
        """Runs that begin in this chunk, then its scores or samples."""
        rows = Chunk(chunk, self._mapping, self._reject)
        rows.drop(
            self._facts.repeats,
            lambda line: (
                line,
                "row",
                "the same as an earlier row",
                f"each row once (as in {self._place_word} {self._facts.repeats[line]})",
            ),
        )
        run_ids, new = self._place(rows)
        yield from new
        if self._mapping.shape == "samples":
            table = self._samples(rows, run_ids)
            if table.num_rows:
                yield table
            return
        scores = (
            self._long(rows, run_ids)
            if self._mapping.shape == "long"
            else self._wide(rows, run_ids)
        )
        if scores:
            yield scores

    def _reject(self, line: int, column: str, found: str, expected: str) -> None:
        self._report(
            Reject(self._path.name, f"{self._place_word} {line}", column, found[:80], expected)
        )

    # -- runs --------------------------------------------------------------------------------------

    def _place(self, rows: Chunk) -> tuple[list[str | None], list[RunInfo]]:
        """Run of each row (None where the row is out), and the runs that are new."""
        columns = [column for role in _RUN_KEY for column in self._mapping.columns(role)]
        keys = list(
            zip(
                rows.words("model"),
                *(
                    rows.column_words(column)
                    for column in columns
                    if column != self._mapping.column("model")
                ),
                strict=True,
            )
        )
        rows.require("model", "a model's name")
        run_ids: list[str | None] = [None] * len(keys)
        new = []
        for index, key in enumerate(keys):
            if not rows.keep[index]:
                continue
            run_id = self._runs.get(key)
            if run_id is None:
                run_id = self._runs[key] = stable_run_id(
                    "table", self._sha256, *("" if part is None else part for part in key)
                )
                new.append(self._run(run_id, rows, index))
            run_ids[index] = run_id
        return run_ids, new

    def _run(self, run_id: str, rows: Chunk, index: int) -> RunInfo:
        """The run that begins with this row."""
        first = rows.row(index)
        self._extras[run_id] = rows.extras()[index]
        date, seed = first.word("date"), first.word("seed")
        started_at = _date(date)
        tokens = first.amount("tokens", "tokens_b", "tokens_t")
        is_slip = tokens is not None and tokens > MAX_TRAIN_TOKENS
        doubt = (
            f"The table states {tokens:.4g} training tokens, more than any model has seen; left"
            " out. Is its unit right?"
            if is_slip
            else ""
        )
        metadata = self._run_metadata(rows, index)
        metadata |= {"date": date} if date and started_at is None else {}
        metadata |= {"train_tokens_as_stated": tokens} if is_slip else {}
        return RunInfo(
            run_id=run_id,
            model_raw=self._model_name(rows, index),
            format="table",
            checkpoint=first.word("checkpoint"),
            step=first.whole("step"),
            train_tokens=None if is_slip else tokens,
            n_params=whole_number(first.amount("params", "params_b", "params_m")),
            dtype=first.word("dtype"),
            code_git=first.word("code_git"),
            started_at=started_at,
            date_source=f"column {self._mapping.column('date')}" if started_at else None,
            n_shot=first.whole("n_shot"),
            level_scheme=first.word("level_scheme") or self._facts.level_scheme,
            source_path=str(self._path),
            seeds={"seed": seed} if seed else {},
            metadata=metadata,
            warnings=(*self._facts.warnings, *((doubt,) if doubt else ())),
        )

    def _model_name(self, rows: Chunk, index: int) -> str:
        variants = sorted(
            self._mapping.columns("model_variant"),
            key=lambda column: "version" in normalised(column),
        )
        parts = [rows.column_words(column)[index] for column in variants]
        return "-".join(
            [
                rows.words("model")[index] or "",
                *(part for part in parts if part and part.lower() not in _PLAIN_VARIANTS),
            ]
        )

    def _run_metadata(self, rows: Chunk, index: int) -> dict[str, Any]:
        stated = {
            column: rows.column_words(column)[index]
            for column in self._mapping.columns("run_label")
        }
        stated |= dict(zip(rows.extra_columns, rows.extras()[index], strict=True))
        untrusted = {column: stated.pop(column) for column in self._mapping.columns("untrusted")}
        known = {column: value for column, value in stated.items() if value is not None}
        return known | ({"untrusted": untrusted} if untrusted else {})

    def _row_metadata(self, rows: Chunk, index: int, run_id: str) -> dict[str, Any]:
        """What a row states otherwise than the first row of its run."""
        mine, base = rows.extras()[index], self._extras[run_id]
        if mine == base:
            return {}
        return {
            column: value
            for column, value, known in zip(rows.extra_columns, mine, base, strict=True)
            if value != known
        }

    # -- scores ------------------------------------------------------------------------------------

    def _long(self, rows: Chunk, run_ids: list[str | None]) -> list[Score]:
        value_column = self._mapping.column("value") or ""
        default_metric = value_column if normalised(value_column) in _SHARES else "score"
        values, stderrs, counts, shots = (
            rows.numbers(role) for role in ("value", "stderr", "n", "n_shot")
        )
        levels, splits = self._levels(rows), rows.splits()
        words = {
            role: rows.words(role)
            for role in ("task", "metric", "subset", "variant", "scale", "flag", "parent_group")
        }
        n_kind = (
            "inferred" if "inferred" in normalised(self._mapping.column("n") or "") else "reported"
        )
        stated = [
            level if level is not None else metric
            for level, metric in zip(levels, words["metric"], strict=True)
        ]
        rows.require(
            "task", "a task's name", unless=stated
        )  # a level mean or a model's own number has none
        scores = []
        for i in np.flatnonzero(rows.keep).tolist():
            run_id, metric = run_ids[i] or "", words["metric"][i] or default_metric
            scale = words["scale"][i] or self._facts.scales.get(
                words["metric"][i] or value_column, "raw"
            )
            known_scale = scale if scale in SCALES else "raw"
            metadata = self._row_metadata(rows, i, run_id)
            if known_scale != scale:
                metadata["scale"] = scale
            n = whole_number(counts[i])
            inferred = (
                _inferred_n(metric, values[i], stderrs[i]) if n is None and scale == "0-1" else None
            )
            scores.append(
                Score(
                    run_id=run_id,
                    task=words["task"][i],
                    metric=metric,
                    value=values[i],
                    scale=known_scale,
                    value01=_value01(values[i], known_scale),
                    split=splits[i],
                    level=levels[i],
                    subset=words["subset"][i],
                    variant=words["variant"][i],
                    stderr=stderrs[i],
                    stderr_kind=None if stderrs[i] is None else "reported",
                    n=inferred if n is None else n,
                    n_kind=n_kind if n is not None else "inferred" if inferred else None,
                    n_shot=whole_number(shots[i]),
                    higher_is_better=direction_of(metric),
                    parent_group=words["parent_group"][i],
                    flag=words["flag"][i],
                    metadata=metadata,
                )
            )
        return scores

    def _wide(self, rows: Chunk, run_ids: list[str | None]) -> list[Score]:
        """Empty cells state nothing and give no score; a word for "missing" gives a score without a
        value.
        """
        splits, levels = rows.splits(), self._levels(rows)
        subsets, variants, shots = (
            rows.words("subset"),
            rows.words("variant"),
            rows.numbers("n_shot"),
        )
        columns = [
            _Benchmark.of(column, self._mapping, self._facts)
            for column in self._mapping.columns("benchmark_value")
        ]
        read = [(column, rows.column_numbers(column.name)) for column in columns]
        scores = []
        for i in np.flatnonzero(rows.keep).tolist():
            run_id = run_ids[i] or ""
            metadata = self._row_metadata(rows, i, run_id)
            for column, numbers in read:
                if numbers.is_blank[i] or numbers.is_bad[i]:
                    continue
                value = None if math.isnan(numbers.values[i]) else float(numbers.values[i])
                scores.append(
                    Score(
                        run_id=run_id,
                        task=column.task,
                        metric=column.metric,
                        value=value,
                        scale=column.scale,
                        value01=_value01(value, column.scale),
                        split=splits[i],
                        level=levels[i],
                        subset=subsets[i],
                        variant=column.variant or variants[i],
                        n_shot=(
                            column.n_shot if column.n_shot is not None else whole_number(shots[i])
                        ),
                        higher_is_better=column.higher_is_better,
                        is_group=column.is_group,
                        metadata=dict(metadata),
                    )
                )
        return scores

    def _levels(self, rows: Chunk) -> list[int | None]:
        if self._mapping.column("level"):
            return [whole_number(value) for value in rows.numbers("level", whole=True)]
        return [
            None if label is None else self._facts.levels.get(_label(label))
            for label in rows.words("level_label")
        ]

    # -- samples -----------------------------------------------------------------------------------

    def _samples(self, rows: Chunk, run_ids: list[str | None]) -> pa.Table:
        rows.require("task", "a task's name")
        rows.require("sample_id", "which question it is")
        epochs, splits, levels = (
            rows.numbers("epoch", whole=True),
            rows.splits(),
            self._levels(rows),
        )
        scores, outcomes, reasons = self._outcomes(rows)
        logprobs, durations = rows.numbers("answer_logprob"), rows.numbers("duration_s")
        kept = np.flatnonzero(rows.keep).tolist()

        def chosen(values: Sequence[Any]) -> list[Any]:
            return [values[i] for i in kept]

        columns: dict[str, list[Any]] = {
            "run_id": chosen(run_ids),
            "task": chosen(rows.words("task")),
            "instance_id": chosen(rows.words("sample_id")),
            "split": chosen(splits),
            "level": chosen(levels),
            "epoch": [1 if epoch is None else int(epoch) for epoch in chosen(epochs)],
            "variant": chosen(rows.words("variant")),
            "outcome": chosen(outcomes),
            "score": chosen(scores),
            "reason": chosen(reasons),
            "answer_logprob": chosen(logprobs),
            "duration_s": chosen(durations),
            "metadata": [_json(self._row_metadata(rows, i, run_ids[i] or "")) for i in kept],
            **{
                name: chosen(rows.raw_words(name))
                for name in ("input", "target", "response", "parsed_answer")
            },
        }
        return sample_table(columns)

    def _outcomes(
        self, rows: Chunk
    ) -> tuple[list[float | None], list[str | None], list[str | None]]:
        """Score, outcome and reason of each row. A wrong answer with nothing in the column of read
        answers was not readable.
        """
        scores = rows.numbers("score")
        verdicts = rows.verdicts(
            from_scores=(
                scores if self._facts.is_verdict and not self._mapping.column("correct") else None
            )
        )
        stated, errors, answers = rows.outcomes(), rows.words("error"), rows.words("parsed_answer")
        has_answers = self._mapping.column("parsed_answer") is not None
        results: list[tuple[float | None, str | None, str | None]] = []
        for i, (score, verdict) in enumerate(zip(scores, verdicts, strict=True)):
            outcome: Outcome | None
            reason = None
            if stated[i] is not None:
                outcome = stated[i]
            elif errors[i]:
                outcome, reason = Outcome.ERROR, errors[i]
            elif verdict is None:
                outcome, reason = (
                    None,
                    (
                        "the table gives a score and no verdict"
                        if score is not None
                        else "the table gives no verdict"
                    ),
                )
            elif not verdict and has_answers and answers[i] is None:
                outcome, reason = (
                    Outcome.UNPARSED,
                    "marked wrong in the table, without an answer that was read",
                )
            else:
                outcome = Outcome.CORRECT if verdict else Outcome.WRONG
            graded = {Outcome.CORRECT: 1.0, Outcome.WRONG: 0.0}.get(outcome) if outcome else None
            results.append((score if score is not None else graded, outcome, reason))
        columns = [list(column) for column in zip(*results, strict=True)] or [[], [], []]
        return columns[0], columns[1], columns[2]


# -- fields ----------------------------------------------------------------------------------------


def _label(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _value01(value: float | None, scale: str) -> float | None:
    if value is None or scale not in ("0-1", "0-100"):
        return None
    share = value / 100 if scale == "0-100" else value
    return share if 0 <= share <= 1 else None


def _inferred_n(metric: str, value: float | None, stderr: float | None) -> int | None:
    """Number of 0/1 answers that gives a share this standard error (that of the mean, from the
    sample's standard deviation).
    """
    if normalised(metric) not in _SHARES or value is None or not stderr or not 0 < value < 1:
        return None
    return round(value * (1 - value) / stderr**2 + 1)


def _date(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _json(values: dict[str, Any]) -> str | None:
    return json.dumps(values, ensure_ascii=False, default=str) if values else None
