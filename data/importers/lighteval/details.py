"""Details of lighteval (Parquet, one file per task) as samples: one row per document, in batches,
so that memory stays bounded.

Rows are shuffled; documents are told by `doc.id`. Files from before 0.9 have flat columns of text
in which lists stand as Python wrote them; they are read as literals, never run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.importers.kit.base import ReportReject
from data.importers.kit.field_map import (
    LIST,
    NAME,
    TABLE,
    BadFieldError,
    Mapped,
    Reader,
    mapped,
    pick,
    read_fields,
)
from data.importers.kit.metrics import GRADED
from data.importers.kit.recount import Recount
from data.importers.kit.values import content_text, prompt_text, shorten
from data.records import ImportFormatError, Outcome, Reject, ScoredSample

BATCH_ROWS = 500
DETAILS = frozenset({"doc", "metric", "model_response"})
OLD_DETAILS = frozenset({"full_prompt", "predictions", "metrics"})
_COUNTED = ("input_tokens",)
"""Lists of which only the length is kept."""


def _numbers(value: Any) -> tuple[float, ...] | None:
    if not isinstance(value, list):
        raise TypeError
    return tuple(float(item) for item in value) or None


def _texts(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise TypeError
    return [content_text(item) or "" for item in value if item is not None] or None


def _indices(value: Any) -> list[int] | None:
    values = [
        int(item) if isinstance(item, str) else item
        for item in (value if isinstance(value, list) else [value])
    ]
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in values):
        raise TypeError
    return values or None


TEXTS = Reader(_texts, "a list of texts")
NUMBERS = Reader(_numbers, "a list of numbers")
INDICES = Reader(_indices, "an index, or a list of them")
PROMPT = Reader(prompt_text, "text, or a list of messages")

DETAIL: tuple[Mapped, ...] = (
    mapped("instance_id", "doc.id", NAME, is_required=True),
    mapped("input", "model_response.input | doc.query", PROMPT),
    mapped("choices", "doc.choices", TEXTS),
    mapped("gold", "doc.gold_index", INDICES),
    mapped("texts", "model_response.text", TEXTS),
    mapped("processed", "model_response.text_post_processed", TEXTS),
    mapped("logprobs", "model_response.logprobs", NUMBERS),
    mapped("output_tokens", "model_response.output_tokens", LIST),
    mapped("reasonings", "model_response.reasonings", LIST),
    mapped("specific", "doc.specific", TABLE),
    mapped("metrics", "metric", TABLE, is_required=True),
)
"""Fields of a row since 0.9."""

OLD_DETAIL: tuple[Mapped, ...] = (
    mapped("instance_id", "id | row", NAME, is_required=True),
    mapped("input", "full_prompt | example", PROMPT),
    mapped("choices", "choices", TEXTS),
    mapped("gold", "gold_index", INDICES),
    mapped("targets", "gold", TEXTS),
    mapped(
        "texts",
        "predictions",
        Reader(lambda value: None if _is_pairs(value) else _texts(value), "a list of texts"),
    ),
    mapped(
        "logprobs",
        "predictions",
        Reader(
            lambda value: tuple(float(p[0]) for p in value) if _is_pairs(value) else None, "pairs"
        ),
    ),
    mapped("metrics", "metrics", TABLE, is_required=True),
)
"""Fields of a row before 0.9."""


@dataclass(slots=True)
class DetailReader:
    """Reads the details of one task."""

    run_id: str
    task: str
    metrics: Sequence[str]
    """Metrics of the task as its configuration lists them; the first in the rows is the primary
    one.
    """
    graded: frozenset[str]
    """Metrics of which 0 and 1 are no verdicts."""
    recount: Recount
    report: ReportReject

    def read(self, file: Path) -> Iterator[list[ScoredSample]]:
        """Samples of one file, in its order.

        Raises:
            ImportFormatError: the file is no Parquet file that can be read.
        """
        try:
            with pq.ParquetFile(file) as opened:
                is_old = not set(opened.schema_arrow.names) >= DETAILS
                first = 0
                for batch in opened.iter_batches(batch_size=BATCH_ROWS):
                    yield self._rows(
                        file, _plain(batch, is_old=is_old, first=first), first, is_old=is_old
                    )
                    first += len(batch)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as cause:
            raise ImportFormatError(
                f"{file} cannot be read: {shorten(str(cause))}. Expected are details of lighteval"
                " (Parquet)."
            ) from cause

    def _rows(
        self, file: Path, records: list[dict[str, Any]], first: int, *, is_old: bool
    ) -> list[ScoredSample]:
        rows = []
        for number, record in enumerate(records, first + 1):
            try:
                rows.append(
                    self._sample(read_fields(record, OLD_DETAIL if is_old else DETAIL), record)
                )
            except BadFieldError as cause:
                self.report(cause.at(file.name, f"row {number}"))
            except (ValueError, IndexError) as cause:
                self.report(
                    Reject(
                        file.name,
                        f"row {number}",
                        "doc.gold_index",
                        shorten(str(cause)),
                        "indices of the choices",
                    )
                )
        return rows

    def _sample(self, found: dict[str, Any], record: Mapping[str, Any]) -> ScoredSample:
        choices, gold, logprobs = (
            found.get("choices", []),
            found.get("gold", []),
            found.get("logprobs", ()),
        )
        if any(not 0 <= index < len(choices) for index in gold) and "targets" not in found:
            raise IndexError(f"{gold} of {len(choices)} choices")
        targets = found.get("targets") or [choices[index] for index in gold]
        metrics = {name: value for name, value in found["metrics"].items() if value is not None}
        metric, score, outcome = self._judge(metrics)
        for name, value in metrics.items():
            if isinstance(value, int | float):
                self.recount.add((self.task, name), found["instance_id"], float(value))
        is_choice = bool(logprobs) and len(logprobs) == len(choices) > 1
        texts, processed = found.get("texts", []), found.get("processed", [])
        response = choices[int(np.argmax(logprobs))] if is_choice else next(iter(texts), None)
        kept = {
            "choices": choices if len(choices) > 1 else None,
            "responses": texts if len(texts) > 1 else None,
            "specific": found.get("specific"),
            "reasonings": [text for text in found.get("reasonings", []) if text] or None,
        }
        n_output = [tokens for tokens in found.get("output_tokens", []) if isinstance(tokens, list)]
        return ScoredSample(
            run_id=self.run_id,
            task=self.task,
            instance_id=found["instance_id"],
            outcome=outcome,
            score=score,
            input=found.get("input"),
            target=targets[0] if len(targets) == 1 else str(targets) if targets else None,
            response=response,
            parsed_answer=response if is_choice else next(iter(processed), None),
            reason=_reason(metric, score),
            answer_logprob=float(logprobs[gold[0]]) if is_choice and len(gold) == 1 else None,
            choice_logprobs=logprobs if is_choice else None,
            n_input_tokens=pick(record, "model_response.n_input_tokens"),
            n_output_tokens=len(n_output[0]) if n_output and not is_choice else None,
            metrics=metrics,
            metadata={name: value for name, value in kept.items() if value},
        )

    def _judge(self, metrics: Mapping[str, Any]) -> tuple[str | None, float | None, Outcome | None]:
        """Primary metric, its value, and right or wrong where it knows only these."""
        order = [*(name for name in self.metrics if name in metrics), *metrics]
        metric = next((name for name in order if isinstance(metrics[name], int | float)), None)
        if metric is None:
            return None, None, None
        score = float(metrics[metric])
        if not np.isfinite(score):
            return metric, None, None
        if metric in self.graded or GRADED.search(metric) or score not in (0, 1):
            return metric, score, None
        return metric, score, Outcome.CORRECT if score else Outcome.WRONG


def is_details(file: Path, head: bytes) -> bool:
    """Whether a file is one of details, by its columns."""
    if not head.startswith(b"PAR1"):
        return False
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError):
        return b"model_response" in head and b"metric" in head
    names = set(schema.names)
    return (
        names >= DETAILS and pa.types.is_struct(schema.field("doc").type)
    ) or names >= OLD_DETAILS


def _is_pairs(value: Any) -> bool:
    """Whether predictions are log-probabilities with a flag, as of multiple choice."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value)
    )


def _reason(metric: str | None, score: float | None) -> str:
    if metric is None:
        return "no metric of this task is a number for one answer"
    return f"{metric} is not a number" if score is None else f"{metric} is {score:g}"


def _plain(batch: pa.RecordBatch, *, is_old: bool, first: int) -> list[dict[str, Any]]:
    """Rows as Python values; of the input's tokens only their number."""
    if is_old:
        rows: list[dict[str, Any]] = batch.to_pylist()
        return [
            {"row": str(first + i), **{key: _literal(value) for key, value in row.items()}}
            for i, row in enumerate(rows)
        ]
    response = batch.column("model_response")
    lengths = [None] * len(batch)
    fields = (
        {name: pc.struct_field(response, name) for name in (field.name for field in response.type)}
        if _is_struct(response)
        else {}
    )
    tokens = fields.pop("input_tokens", None)
    if tokens is not None and pa.types.is_list(tokens.type):
        lengths = pc.list_value_length(tokens).to_pylist()
    fields = {name: values for name, values in fields.items() if name in _READ}
    responses = (
        pa.StructArray.from_arrays(list(fields.values()), names=list(fields)).to_pylist()
        if fields
        else [{}] * len(batch)
    )
    docs, metrics = batch.column("doc").to_pylist(), batch.column("metric").to_pylist()
    return [
        {"doc": doc, "metric": metric, "model_response": {**response, "n_input_tokens": n}}
        for doc, metric, response, n in zip(docs, metrics, responses, lengths, strict=True)
    ]


_READ = frozenset(
    path.rpartition(".")[2]
    for row in DETAIL
    for path in row.paths
    if path.startswith("model_response.")
)


def _is_struct(values: pa.Array) -> bool:
    return bool(pa.types.is_struct(values.type))


def _literal(value: Any) -> Any:
    """A list or dictionary that stands as Python wrote it; anything else as it is."""
    if (
        isinstance(value, str)
        and value[:1] in "[({"
        and value[-1:] in "])}"
        and len(value) < 1 << 20
    ):
        try:
            found = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
        return list(found) if isinstance(found, tuple) else found
    return value
