"""Samples files of lm-evaluation-harness v0.4 as Arrow tables, block by block: a file of gigabytes
passes through in bounded memory.

Rows are decoded by msgspec into typed rows; texts that are only kept, not looked at (the task's own
`doc`), stay undecoded bytes. A block in which every line is in order takes one call; only a block
with a bad line is gone through line by line, to say which line and why.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET

from data.importers.kit.base import SAMPLE_SCHEMA, ReportReject, sample_table
from data.importers.kit.record_blocks import BLOCK_BYTES, Block, read_blocks
from data.importers.kit.values import shorten
from data.importers.lm_eval.rows import (
    KNOWN_FIELDS,
    Answers,
    Requests,
    as_text,
    kinds_of,
    read_answers,
    requests_of,
    row_decoder,
    texts_of,
)
from data.importers.lm_eval.verdicts import BYPASS, Verdicts, choose_verdicts
from data.records import Reject

MAX_ROWS = 20_000
"""Rows of one table, unless a single block holds more."""
PEEK_BYTES = 1 << 16
MAX_FIELDS = 500
"""Fields beside the known ones that a file may have; more is no samples file."""
_SHAPE_ERRORS = (
    ArithmeticError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    msgspec.MsgspecError,
    pa.ArrowException,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledTask:
    """What is known of a task before its samples are read. Empty where the results file does not
    say, or is not there.
    """

    run_id: str
    task: str
    filters: tuple[str, ...] = ()
    """In the order of the task's configuration: the first is the primary reading."""
    lower_is_better: frozenset[str] = frozenset()
    graded: frozenset[str] = frozenset()
    """Metrics whose spread shows that they take more values than 0 and 1."""


def read_samples(file: Path, task: SampledTask, report: ReportReject) -> Iterator[pa.Table]:
    """Samples of one file in tables of SAMPLE_SCHEMA, in file order, save that rows of the primary
    filter come first. Bad rows are reported and left out.

    Outcome: the primary metric is the first that grades upwards and right from wrong (`acc` before
    `perplexity`); 1 is correct, 0 is wrong, and 0 on an answer that the filter could not find is
    unparsed. A graded metric gives a score and no outcome.
    """
    primary = task.filters[0] if len(task.filters) > 1 else None
    first = primary and next(_SampleReader(file, task, _ignore).tables(PEEK_BYTES), None)
    if not first or first["variant"][0].as_py() == primary:
        yield from _SampleReader(file, task, report).tables()
        return
    for wanted, told in ((True, report), (False, _ignore)):
        for table in _SampleReader(file, task, told).tables():
            is_primary = pc.fill_null(pc.equal(table["variant"], primary), False)
            yield table.filter(is_primary if wanted else pc.invert(is_primary))


def _ignore(reject: Reject) -> None:
    """For a second pass over a file, whose rejects were reported in the first."""


class _SampleReader:
    """Reads one file once; remembers what its rows have shown so far."""

    def __init__(self, file: Path, task: SampledTask, report: ReportReject) -> None:
        self._file = file
        self._task = task
        self._report = report
        self._fields: tuple[str, ...] = ()
        self._metrics: tuple[str, ...] = ()
        self._decoder = row_decoder((), of_generations=True)
        self._of_generations = True
        self._verdicts = Verdicts(None)
        self._started = False
        self._target_is_text = False
        self._times_seen = _Counter()

    def tables(self, block_bytes: int = BLOCK_BYTES) -> Iterator[pa.Table]:
        """Tables of about MAX_ROWS rows."""
        waiting: list[pa.Table] = []
        n_waiting = 0
        for block in read_blocks(self._file, self._report, block_bytes):
            with _collector_paused():
                table = self._table(block)
            if n_waiting + table.num_rows > MAX_ROWS and waiting:
                yield pa.concat_tables(waiting)
                waiting, n_waiting = [], 0
            if table.num_rows:
                waiting.append(table)
                n_waiting += table.num_rows
        if waiting:
            yield pa.concat_tables(waiting)

    def _start(self, block: Block) -> None:
        """Learn from the first row in order: the names of the metrics, which of them is primary,
        and whether responses need decoding.
        """
        for _, line in block.lines():
            try:
                row = self._row(line.decode())
                (kind,) = kinds_of(requests_of([row]))
            except (*_SHAPE_ERRORS, RecursionError):
                continue
            self._started = True
            self._of_generations = kind == "generation"
            self._decoder = row_decoder(self._fields, of_generations=self._of_generations)
            self._verdicts = choose_verdicts(
                self._named_values([row], self._metrics)[0],
                lower_is_better=self._task.lower_is_better,
                graded=self._task.graded,
                is_bypass=BYPASS in self._fields,
            )
            return

    # -- decoding ----------------------------------------------------------------------------------

    def _rows(self, block: Block) -> tuple[list[Any], list[int] | None]:
        """Decoded rows of a block, and their line numbers where they had to be taken line by
        line.
        """
        try:
            if not block.data.isascii():
                block.data.decode()
            return self._decoder.decode_lines(block.data), None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        rows, numbers, lines = [], [], []
        n_fields = len(self._fields)
        for number, line in block.lines():
            try:
                rows.append(self._row(line.decode()))
                numbers.append(number)
                lines.append(line)
            except (ValueError, RecursionError) as cause:
                self._reject(number, line, cause)
        if len(self._fields) > n_fields:  # the rows before have no place for the fields met later
            rows = [self._row(line.decode()) for line in lines]
        return rows, numbers

    def _row(self, line: str) -> Any:
        """One row. What the strict decoder refuses but a person would let in is let in: bare NaN
        and Infinity, broken surrogates, and fields that are met for the first time.
        """
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, RecursionError):
            record = json.loads(line, parse_constant=lambda word: None if word == "NaN" else word)
        if isinstance(record, dict):
            self._learn_fields(record)
        return self._decoder.decode(
            json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")
        )

    def _learn_fields(self, record: dict[str, Any]) -> None:
        names = (name.encode("utf-8", "replace").decode() for name in record)
        new = tuple(
            dict.fromkeys(
                name for name in names if name not in KNOWN_FIELDS and name not in self._fields
            )
        )
        if len(self._fields) + len(new) > MAX_FIELDS:
            raise ValueError(f"more than {MAX_FIELDS} different fields beside the known ones")
        if new:
            named = record.get("metrics")
            self._metrics += tuple(
                name
                for name in new
                if name != BYPASS and (not isinstance(named, list) or name in named)
            )
            self._fields += new
            self._decoder = row_decoder(self._fields, of_generations=self._of_generations)

    def _reject(self, number: int, line: bytes, cause: Exception) -> None:
        start = shorten(line[:200].decode(errors="replace"), 80)
        field, found, expected = "line", f"{start} ({cause})", "one complete JSON object"
        if isinstance(cause, msgspec.ValidationError):
            field, found, expected = _explain(str(cause))
        elif isinstance(cause, UnicodeDecodeError):
            found, expected = (
                f"a byte that is not UTF-8, at {cause.start + 1}: {start}",
                "UTF-8 text",
            )
        elif isinstance(cause, RecursionError):
            found = f"{start} (nested too deeply)"
        self._report(Reject(self._file.name, str(number), field, found, expected))

    # -- converting --------------------------------------------------------------------------------

    def _table(self, block: Block) -> pa.Table:
        if not self._started:
            self._start(block)
        rows, numbers = self._rows(block)
        try:
            return self._columns(rows)
        except _SHAPE_ERRORS:
            return self._columns(self._good_rows(block, rows, numbers))

    def _good_rows(self, block: Block, rows: list[Any], numbers: list[int] | None) -> list[Any]:
        """Rows that can be converted, each tried by itself; the others are reported."""
        places = numbers or [number for number, _ in block.lines()]
        good = []
        for i, row in enumerate(rows):
            try:
                requests = requests_of([row])
                self._answers(kinds_of(requests)[0], [row], requests)
                self._verdicts.scores(self._primary_values([row]))
                good.append(row)
            except _SHAPE_ERRORS as cause:
                place = (
                    str(places[i])
                    if len(places) == len(rows)
                    else f"row {i + 1} from line {block.first} on"
                )
                field, colon, found = str(cause).partition(": ")
                if not (colon and field in (*KNOWN_FIELDS, self._verdicts.metric)):
                    field, found = "filtered_resps", f"{as_text(row.filtered_resps)} ({cause})"
                expected = (
                    "a number"
                    if field == self._verdicts.metric
                    else "one response of the fitting kind for each request"
                )
                self._report(Reject(self._file.name, place, field, shorten(found), expected))
        return good

    def _columns(self, rows: Sequence[Any]) -> pa.Table:
        if not rows:
            return SAMPLE_SCHEMA.empty_table()
        requests = requests_of(rows)
        kinds = kinds_of(requests)
        bounds = (
            [0, *(i for i in range(1, len(kinds)) if kinds[i] != kinds[i - 1])]
            if len(set(kinds)) > 1
            else [0]
        )
        tables = [
            self._columns_of_kind(kinds[start], rows[start:end], requests[start:end])
            for start, end in zip(bounds, [*bounds[1:], len(rows)], strict=True)
        ]
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables)

    def _columns_of_kind(self, kind: str, rows: Sequence[Any], requests: Requests) -> pa.Table:
        answers = self._answers(kind, rows, requests)
        if kind == "choices" and not self._target_is_text and self._contradicts(rows, answers):
            self._target_is_text = True
            answers = self._answers(kind, rows, requests)
        scores = self._verdicts.scores(self._primary_values(rows))
        verdicts = self._verdicts.codes(scores, answers.unreadable)
        self._keep_others(rows, answers)
        variants, epochs = self._variants(rows)
        columns = {
            "run_id": pa.repeat(self._task.run_id, len(rows)),
            "task": pa.repeat(self._task.task, len(rows)),
            "instance_id": pa.array([row.doc_id for row in rows], pa.int64()),
            "epoch": epochs,
            "variant": variants,
            "outcome": self._verdicts.outcomes.take(verdicts),
            "score": pa.array(scores, pa.float32(), from_pandas=True),
            "input": texts_of(_decoded(answers.prompt)),
            "target": texts_of([row.target for row in rows]),
            "response": answers.response,
            "parsed_answer": answers.parsed,
            "reason": self._verdicts.reasons.take(verdicts),
            "answer_logprob": answers.logprob,
            "choice_logprobs": answers.choice_logprobs,
            "metrics": self._metrics_json(rows),
            "metadata": _json_column(answers.kept),
        }
        return sample_table(columns)

    def _answers(self, kind: str, rows: Sequence[Any], requests: Requests) -> Answers:
        has_unconditional = "acc_mutual_info" in self._metrics
        return read_answers(
            kind,
            rows,
            requests,
            has_unconditional=has_unconditional,
            target_is_text=self._target_is_text,
        )

    def _contradicts(self, rows: Sequence[Any], answers: Answers) -> bool:
        """Whether some target of digits, read as an index, contradicts the accuracy beside it: then
        it is the text of a choice.
        """
        if "acc" not in self._metrics or not any(type(row.target) is str for row in rows):
            return False
        acc = self._column(rows, "acc")
        says_right, says_wrong = (
            np.array([value == verdict for value in acc]) for verdict in (1, 0)
        )
        is_right = answers.picked == answers.gold
        return bool(
            (
                ((says_right & ~is_right) | (says_wrong & is_right))
                & (answers.gold >= 0)
                & (answers.picked >= 0)
            ).any()
        )

    def _column(self, rows: Sequence[Any], name: str) -> list[Any]:
        return list(map(attrgetter(f"o{self._fields.index(name)}"), rows))

    def _primary_values(self, rows: Sequence[Any]) -> list[Any]:
        return (
            [None] * len(rows)
            if self._verdicts.metric is None
            else self._column(rows, self._verdicts.metric)
        )

    def _metrics_json(self, rows: Sequence[Any]) -> Sequence[bytes | None]:
        """Every metric of each row, by name, as it stands there. Most rows repeat the same few
        values, whose text is made once.
        """
        encode = msgspec.json.Encoder().encode
        columns = [self._column(rows, name) for name in self._metrics]
        if columns and all(set(map(type, column)) == {float} for column in columns):
            texts: dict[tuple[float, ...], bytes] = {}
            found = []
            for values in zip(*columns, strict=True):
                text = texts.get(values)
                if text is None:
                    text = texts[values] = encode(dict(zip(self._metrics, values, strict=True)))
                found.append(text)
            return found
        return [
            encode(values) if values else None for values in self._named_values(rows, self._metrics)
        ]

    def _named_values(self, rows: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
        places = [(name, f"o{self._fields.index(name)}") for name in names]
        return [
            {name: value for name, place in places if (value := getattr(row, place)) is not UNSET}
            for row in rows
        ]

    def _keep_others(self, rows: Sequence[Any], answers: Answers) -> None:
        """Fields that are neither known nor metrics go into the metadata."""
        others = [name for name in self._fields if name not in self._metrics and name != BYPASS]
        if others:
            for kept, values in zip(answers.kept, self._named_values(rows, others), strict=True):
                kept.other = values or UNSET

    def _variants(self, rows: Sequence[Any]) -> tuple[Any, Any]:
        """Filter of each row, and the repeat of its instance.

        Before 0.4.7 a row does not name its filter; the rows of the filters follow each other in
        the order of the configuration, so the filter is told by how often the instance came before.
        """
        filters = self._task.filters
        named = [row.filter for row in rows]
        if None not in named or len(filters) == 1:
            found = set(named)
            if len(found) == 1:
                return pa.repeat(
                    pa.scalar(found.pop() or filters[0], pa.string()), len(rows)
                ), pa.repeat(1, len(rows))
            return [name or filters[0] for name in named], pa.repeat(1, len(rows))
        variants: list[str | None] = []
        epochs = []
        for row in rows:
            before = self._times_seen.add(row.doc_id)
            by_order = (
                filters[before % len(filters)]
                if filters
                else None
                if before == 0
                else f"filter {before + 1}"
            )
            variants.append(row.filter or by_order)
            epochs.append(before // len(filters) + 1 if filters else 1)
        return variants, epochs


def _decoded(prompts: list[Any]) -> list[Any]:
    """Prompts, with those that were left undecoded decoded, all in one go."""
    if set(map(type, prompts)) != {msgspec.Raw}:
        return [
            msgspec.json.decode(prompt) if type(prompt) is msgspec.Raw else prompt
            for prompt in prompts
        ]
    decoded: list[Any] = msgspec.json.decode(b"[" + b",".join(map(bytes, prompts)) + b"]")
    return decoded


def _json_column(values: Sequence[Any]) -> pa.Array:
    """JSON text of each value, written in one go and cut at the line ends (unless the file had line
    ends within a record).
    """
    encoder = msgspec.json.Encoder()
    data = encoder.encode_lines(values)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    if len(ends) != len(values):
        return pa.array([encoder.encode(value) for value in values], pa.string())
    offsets = np.concatenate(([0], ends + 1)).astype(np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(data))


class _Counter:
    """How often each number came; a byte for each of those that index a data set, because there may
    be millions.
    """

    _SMALL = 1 << 26

    def __init__(self) -> None:
        self._small = bytearray()
        self._others: dict[int, int] = {}

    def add(self, number: int) -> int:
        """Count a number; returns how often it came before (at most 254 times)."""
        if not 0 <= number < self._SMALL:
            before = self._others.get(number, 0)
            self._others[number] = before + 1
            return before
        if number >= len(self._small):
            self._small.extend(bytes(max(number + 1, 2 * len(self._small)) - len(self._small)))
        before = self._small[number]
        self._small[number] = min(before + 1, 254)
        return before


def _explain(message: str) -> tuple[str, str, str]:
    """Field, what was found and what was expected, from the decoder's words."""
    if missing := re.search(r"missing required field `([^`]+)`", message):
        return missing[1], "nothing", "every sample has it"
    place = re.search(r"at `\$\.?([^`]*)`", message)
    words = re.search(r"Expected `([^`]+)`(?:, got `([^`]+)`)?", message)
    field = place[1] if place and place[1] else "line"
    return (
        (field, words[2] or "another value", words[1])
        if words
        else (field, message, "a sample of lm-evaluation-harness")
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without garbage collection, which would walk the hundred thousands of new objects over and
    over, and none of them is garbage yet.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
