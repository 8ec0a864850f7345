"""Inspect logs: both containers, every field from its place, every status, scorers, reducers,
epochs, and what is broken.
"""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.importers.inspect_ai import zip_members
from data.importers.inspect_ai.log import IMPORTER
from data.importers.kit.json_parts import split_json
from data.importing import discover, import_source, import_sources
from data.queries import fetch_runs
from data.records import ImportFormatError, Outcome, RunStatus, Split
from tests.data.importers.inspect_files import (
    HEADER,
    put,
    sample,
    write_eval,
    write_json,
    zstandard_archive,
)

TWO = [sample(1, "C"), sample(2, "I")]


# -- genuine logs ----------------------------------------------------------------------------------


def test_every_genuine_log_gives_what_is_expected_of_it(read_files, shared: Path) -> None:
    expected = json.loads((shared / "fixtures" / "EXPECTED.json").read_text(encoding="utf-8"))
    checked = 0
    for name, values in expected.items():
        if not name.startswith("inspect/"):
            continue
        read = read_files(IMPORTER, shared / "fixtures" / name)
        if "error" in values:
            assert read.sources == []  # it breaks off before it says what it is
            continue
        scored = [row for row in read.samples if row.metrics]
        found = {
            "status": read.runs[0].status.value,
            "aggregate_rows": len(read.scores),
            "samples": len({(row.instance_id, row.epoch) for row in read.samples}),
            "sample_scores": len(scored),
            "nan_scores": sum(row.score is None for row in scored),
            "errored_samples": sum(row.outcome is Outcome.ERROR for row in read.samples),
        }
        assert found == values, name
        assert read.rejects == []
        assert not any("reported" in notice for notice in read.notices), (
            name
        )  # the samples contradict nothing
        checked += 1
    assert checked == 23


def test_the_same_task_in_both_containers_gives_the_same_rows(read_files, shared: Path) -> None:
    folder = shared / "fixtures" / "inspect" / "selfmade_0.3.285"
    by_zip, by_json = (
        read_files(IMPORTER, next(folder.glob(f"*_findmin_*{suffix}")))
        for suffix in (".eval", ".json")
    )
    fields = ("instance_id", "epoch", "variant", "score", "outcome", "response", "split", "level")
    zipped, plain = (
        [str([getattr(row, name) for name in fields]) for row in read.samples]
        for read in (by_zip, by_json)
    )
    assert sorted(zipped) == sorted(plain)
    assert {s.split for s in by_zip.samples} == {Split.ID, Split.OOD}
    assert {s.level for s in by_zip.samples} == {1}
    assert by_zip.runs[0].level_scheme == "scylla"
    assert by_zip.samples[0].variant == "match"


# -- fields ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("eval.model", "other/model-b", "model_raw", "other/model-b"),
        ("eval.dataset.name", "set-b", "benchmark", "set-b"),
        ("version", 3, "format_version", "3"),
        ("eval.packages.inspect_ai", "0.4.1", "harness_version", "0.4.1"),
        ("eval.revision.commit", "f00", "code_git", "f00"),
        (
            "stats.started_at",
            "2026-05-06T07:08:09+01:00",
            "started_at",
            datetime(2026, 5, 6, 6, 8, 9),
        ),
        ("stats.started_at", ..., "started_at", datetime(2026, 1, 2, 1, 4, 5)),
        ("stats.completed_at", "2026-05-06T07:08:09", "finished_at", datetime(2026, 5, 6, 7, 8, 9)),
        ("eval.model_generate_config", {"top_p": 0.25}, "generation", {"top_p": 0.25}),
        ("eval.model_generate_config.seed", 99, "seeds", {"seed": 99}),
        ("eval.config.limit", 17, "sample_limit", 17.0),
        ("plan.steps.0.params", {"num_fewshot": 6}, "n_shot", 6),
        ("eval.task_args", {"shots": 4}, "n_shot", 4),
        ("status", "error", "status", RunStatus.ERROR),
        ("status", "cancelled", "status", RunStatus.CANCELLED),
        ("status", "started", "status", RunStatus.STARTED),
        ("status", "success", "status", RunStatus.SUCCESS),
        ("status", ..., "status", RunStatus.SUCCESS),
        ("status", "exploded", "status", RunStatus.SUCCESS),
    ],
)
def test_each_field_of_the_run_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", TWO, put(HEADER, path, value)))
    assert getattr(read.runs[0], field) == expected
    assert read.rejects == []


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("id", 12, "instance_id", "12"),
        ("epoch", 3, "epoch", 3),
        ("input", "why?", "input", "why?"),
        (
            "input",
            [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": [{"type": "text", "text": "why?"}]},
            ],
            "input",
            "[system]\nBe short.\n\n[user]\nwhy?",
        ),
        ("input", [{"role": "user", "content": "alone"}], "input", "alone"),
        ("target", "42", "target", "42"),
        ("target", ["42"], "target", "42"),
        ("target", ["a", "b"], "target", '["a", "b"]'),
        ("output.completion", "said", "response", "said"),
        ("output", {"choices": [{"message": {"content": "spoken"}}]}, "response", "spoken"),
        ("output.usage.input_tokens", 91, "n_input_tokens", 91),
        ("output.usage.output_tokens", 92, "n_output_tokens", 92),
        ("total_time", 8.25, "duration_s", 8.25),
        (
            "output.choices.0",
            {
                "logprobs": {
                    "content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]
                }
            },
            "token_logprobs",
            (-0.5, -1.5),
        ),
        ("scores.match.answer", "seven", "parsed_answer", "seven"),
        ("metadata", {"split": "ood"}, "split", Split.OOD),
        ("metadata", {"level": "O(2^N)"}, "level", 5),
        ("metadata", {"level": "no such level"}, "level", None),
    ],
)
def test_each_field_of_a_sample_comes_from_its_place(
    read_files, tmp_path: Path, path: str, value: Any, field: str, expected: Any
) -> None:
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", [put(TWO[0], path, value)]))
    assert getattr(read.samples[0], field) == expected
    assert read.rejects == []


def test_what_has_no_field_is_kept(read_files, tmp_path: Path) -> None:
    item = sample(
        1,
        metadata={"topic": "sums", "choices": "own"},
        choices=["A", "B"],
        limit={"type": "token"},
        uuid="u1",
    )
    item["scores"]["match"] |= {"metadata": {"grader": "g"}, "history": [{"value": "I"}]}
    (row,) = read_files(IMPORTER, write_json(tmp_path / "log.json", [item])).samples
    assert row.metadata == {
        "topic": "sums",
        "choices": "own",
        "inspect_choices": ["A", "B"],
        "stop_reason": "stop",
        "limit": "token",
        "uuid": "u1",
        "score_metadata": {"grader": "g"},
        "score_history": [{"value": "I"}],
    }
    assert row.metrics == {"value": "C"}
    assert row.reason == "match gives C: because 1"


def test_attachments_are_put_back_in_their_place(read_files, tmp_path: Path) -> None:
    item = sample(1, input="attachment://a1", attachments={"a1": "a long question"})
    assert (
        read_files(IMPORTER, write_json(tmp_path / "log.json", [item])).samples[0].input
        == "a long question"
    )


@pytest.mark.parametrize(
    ("value", "score", "outcome"),
    [
        ("C", 1.0, Outcome.CORRECT),
        ("I", 0.0, Outcome.WRONG),
        ("P", 0.5, None),
        ("N", 0.0, Outcome.UNPARSED),
        (True, 1.0, Outcome.CORRECT),
        (False, 0.0, Outcome.WRONG),
        ("yes", 1.0, Outcome.CORRECT),
        ("False", 0.0, Outcome.WRONG),
        (1, 1.0, Outcome.CORRECT),
        (0.0, 0.0, Outcome.WRONG),
        (0.25, 0.25, None),
        ("0.75", 0.75, None),
        ("1", 1.0, Outcome.CORRECT),
        (float("nan"), None, None),
        (None, None, None),
        ([1, 2], None, None),
        ("B", None, None),
        (10**400, None, None),
    ],
)
def test_values_become_scores_and_outcomes(
    read_files, tmp_path: Path, value: Any, score: float | None, outcome: Outcome | None
) -> None:
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", [sample(1, value)]))
    assert (read.samples[0].score, read.samples[0].outcome) == (score, outcome)
    is_strange = value in ([1, 2], "B", 10**400)
    assert any("are no scores" in notice for notice in read.notices) == is_strange


def test_a_number_is_no_verdict_where_no_accuracy_is_stated(read_files, tmp_path: Path) -> None:
    lengths = put(
        HEADER,
        "results.scores.0.metrics",
        {
            "mean": {"name": "mean", "value": 1.5},
            "std": {"name": "std", "value": 0.7071067811865476},
        },
    )
    read = read_files(
        IMPORTER, write_json(tmp_path / "log.json", [sample(1, 1), sample(2, 2)], lengths)
    )
    assert [(row.score, row.outcome) for row in read.samples] == [(1.0, None), (2.0, None)]
    assert [(s.metric, s.value, s.scale, s.stderr, s.stderr_kind) for s in read.scores] == [
        ("mean", 1.5, "raw", 0.5, "recomputed"),
        ("std", 0.7071067811865476, "raw", None, None),
    ]


# -- scores ----------------------------------------------------------------------------------------


def test_a_stated_score_has_its_error_and_its_n(read_files, tmp_path: Path) -> None:
    (score,) = read_files(IMPORTER, write_json(tmp_path / "log.json", TWO)).scores
    assert (score.task, score.metric, score.variant, score.value, score.value01, score.scale) == (
        "two_sum",
        "accuracy",
        "match",
        0.5,
        0.5,
        "0-1",
    )
    assert (score.stderr, score.stderr_kind, score.n, score.n_kind, score.flag) == (
        0.5,
        "reported",
        2,
        "reported",
        None,
    )


@pytest.mark.parametrize(
    ("reducer", "value"),
    [
        ("mean", 0.5),
        ("max", 1.0),
        ("at_least_1", 1.0),
        ("at_least_2", 0.5),
        ("pass_at_2", 1.0),
        ("median", 0.5),
        ("mode", 0.5),
    ],
)
def test_epochs_are_reduced_as_the_log_says(
    read_files, tmp_path: Path, reducer: str, value: float
) -> None:
    """Three epochs of two instances: right, right, wrong (mean 2/3) and wrong, wrong, right (mean
    1/3).
    """
    verdicts = {(1, 1): "C", (1, 2): "C", (1, 3): "I", (2, 1): "I", (2, 2): "I", (2, 3): "C"}
    samples = [sample(number, letter, epoch=epoch) for (number, epoch), letter in verdicts.items()]
    header = put(put(HEADER, "eval.config.epochs", 3), "results.scores.0.reducer", reducer)
    for stated, flag in ((value, None), (value - 0.25, "disagrees_with_samples")):
        metrics = {"accuracy": {"name": "accuracy", "value": stated}}
        read = read_files(
            IMPORTER,
            write_json(
                tmp_path / "log.json", samples, put(header, "results.scores.0.metrics", metrics)
            ),
        )
        # pass_at_2 of one right answer in three: 1 - (1 - 2/3) = 2/3; of two: 1. Their mean is 5/6.
        if reducer == "pass_at_2" and flag is None:
            metrics["accuracy"]["value"] = 5 / 6
            read = read_files(
                IMPORTER,
                write_json(
                    tmp_path / "log.json", samples, put(header, "results.scores.0.metrics", metrics)
                ),
            )
        assert read.scores[0].flag == flag
        assert any("from the samples" in notice for notice in read.notices) == bool(flag)
    assert read.scores[0].variant == ("match" if reducer == "mean" else f"match [{reducer}]")
    assert [(s.instance_id, s.epoch) for s in read.samples][:2] == [("item-1", 1), ("item-1", 2)]


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"accuracy": {"name": "accuracy", "value": 1.0}}, "1 reported, 0.5 from the samples"),
        (
            {
                "accuracy": {"name": "accuracy", "value": 0.5},
                "stderr": {"name": "stderr", "value": 0.1},
            },
            "standard error 0.1 reported, 0.5 from",
        ),
    ],
)
def test_numbers_that_the_samples_contradict_are_a_warning_on_the_run(
    tmp_path: Path, metrics: dict[str, Any], words: str
) -> None:
    store = open_store(tmp_path / "store", empty=True)
    write_json(tmp_path / "log.json", TWO, put(HEADER, "results.scores.0.metrics", metrics))
    list(import_sources(store, discover([tmp_path / "log.json"]).sources))
    assert words in str(fetch_runs(store)["warnings"].iloc[0])


def test_a_grouped_metric_is_a_number_of_each_group(read_files, tmp_path: Path) -> None:
    grouped = {
        key: {
            "name": key,
            "value": value,
            "group": "grouped",
            "params": {"group_key": "topic", "metric": {"name": "inspect_ai/mean"}},
        }
        for key, value in (("sums", 1.0), ("lists", 0.0), ("all", 0.5))
    }
    samples = [
        sample(1, "C", metadata={"topic": "sums"}),
        sample(2, "I", metadata={"topic": "lists"}),
    ]
    read = read_files(
        IMPORTER,
        write_json(
            tmp_path / "log.json", samples, put(HEADER, "results.scores.0.metrics", grouped)
        ),
    )
    assert [(s.metric, s.subset, s.value, s.n, s.is_group, s.flag) for s in read.scores] == [
        ("mean", "sums", 1.0, 1, False, None),
        ("mean", "lists", 0.0, 1, False, None),
        ("mean", "all", 0.5, 2, True, None),
    ]


def test_a_scorer_that_returns_a_dictionary_gives_one_reading_per_key(
    read_files, tmp_path: Path
) -> None:
    header = put(
        HEADER,
        "results.scores",
        [
            {
                "name": key,
                "scorer": "two",
                "scored_samples": 1,
                "metrics": {"accuracy": {"name": "accuracy", "value": 1.0}},
            }
            for key in ("b", "a")
        ],
    )
    read = read_files(
        IMPORTER,
        write_json(
            tmp_path / "log.json",
            [sample(1, scores={"two": {"value": {"a": "C", "b": "C"}}})],
            header,
        ),
    )
    assert [row.variant for row in read.samples] == [
        "two/b",
        "two/a",
    ]  # the first one stated is the primary reading
    assert [score.variant for score in read.scores] == ["two/b", "two/a"]


def test_failed_samples_are_errors_of_the_primary_reading(read_files, tmp_path: Path) -> None:
    failed = sample(1, scores={}, error={"message": "it broke"})
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", [failed, sample(2)]))
    assert [(row.variant, row.outcome) for row in read.samples] == [
        ("match", Outcome.ERROR),
        ("match", Outcome.CORRECT),
    ]
    assert read.samples[0].reason == "the sample failed: it broke"
    assert "1 of 2 samples in the log ended in an error" in read.notices


def test_the_first_version_of_the_format_is_read(read_files, tmp_path: Path) -> None:
    header = put(
        put(HEADER, "version", 1),
        "results",
        {
            "scorer": {"name": "fact"},
            "metrics": {"accuracy": {"value": 0.25}, "bootstrap_std": {"value": 0.1}},
        },
    )
    read = read_files(
        IMPORTER,
        write_json(tmp_path / "log.json", [sample(1, scores=None, score={"value": "C"})], header),
    )
    assert [(s.metric, s.variant, s.value) for s in read.scores] == [("accuracy", "fact", 0.25)]
    assert read.samples[0].outcome is Outcome.CORRECT


# -- containers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 93])
def test_an_archive_is_read_in_every_compression(read_files, tmp_path: Path, method: int) -> None:
    read = read_files(IMPORTER, write_eval(tmp_path / "log.eval", TWO, method=method))
    assert [row.outcome for row in read.samples] == [Outcome.CORRECT, Outcome.WRONG]
    assert (read.rejects, read.runs[0].status) == ([], RunStatus.SUCCESS)


def test_a_killed_run_comes_in_as_started_and_is_replaced_when_it_went_on(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    for samples, header, status in ((TWO[:1], None, "started"), (TWO, HEADER, "success")):
        write_eval(tmp_path / "log.eval", samples, header)
        (result,) = import_sources(store, discover([tmp_path]).sources)
        runs = fetch_runs(store)
        assert (result.status, list(runs["status"]), result.samples) == (
            "imported",
            [status],
            len(samples),
        )


def test_a_member_that_was_written_again_counts_once(read_files, tmp_path: Path) -> None:
    again = json.dumps(sample(1, "I")).encode()
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = write_eval(
            tmp_path / "log.eval", [sample(1)], more=[("samples/item-1_epoch_1.json", again)]
        )
    assert [row.outcome for row in read_files(IMPORTER, file).samples] == [Outcome.WRONG]


def test_names_that_lead_out_are_refused_and_nothing_is_unpacked(
    read_files, tmp_path: Path
) -> None:
    (tmp_path / "inner").mkdir()
    more = [
        (name, json.dumps(sample(9)).encode())
        for name in ("samples/../../evil.json", "/samples/evil.json", "C:/samples/evil.json")
    ]
    file = write_eval(tmp_path / "inner" / "log.eval", TWO, more=more)
    read = read_files(IMPORTER, file)
    assert len(read.samples) == 2
    assert [reject.field for reject in read.rejects] == ["name"] * 3
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, 93])
def test_a_member_that_inflates_without_end_is_refused(
    read_files, tmp_path: Path, method: int
) -> None:
    bomb = ("samples/bomb_epoch_1.json", b'{"id": "' + bytes(zip_members.FREE_BYTES * 3) + b'"}')
    read = read_files(IMPORTER, write_eval(tmp_path / "log.eval", TWO, method=method, more=[bomb]))
    if method == 93:  # a deflated member cannot pass the ratio; it is refused for its content
        assert "inflate" in read.rejects[0].found
    assert len(read.samples) == 2
    assert [reject.record for reject in read.rejects] == [bomb[0]]


def test_a_member_that_lies_about_its_size_is_stopped_while_it_inflates(
    read_files, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(zip_members, "MAX_MEMBER_BYTES", 1 << 16)
    big = json.dumps(sample(3, output={"completion": "x" * 200_000})).encode()
    file = tmp_path / "log.eval"
    content = bytearray(
        write_eval(file, TWO, method=93, more=[("samples/big_epoch_1.json", big)]).read_bytes()
    )
    place = content.rindex(b"samples/big_epoch_1.json") - 46 + 24
    content[place : place + 4] = (1000).to_bytes(4, "little")
    file.write_bytes(content)
    read = read_files(IMPORTER, file)
    assert len(read.samples) == 2
    assert "inflate to 65,537 or more" in read.rejects[0].found


def _first_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            lambda folder: _first_half(write_eval(folder / "a", TWO).read_bytes()),
            "lacks its table of contents",
        ),
        (
            lambda folder: zstandard_archive(
                [("header.json", json.dumps(HEADER).encode())], method=98
            ),
            "compression method 98",
        ),
        (lambda folder: zstandard_archive([("header.json", b"{")]), "header.json cannot be read"),
        (lambda folder: zstandard_archive([("header.json", b"[1]")]), "eval.task: found nothing"),
        (
            lambda folder: _first_half(write_json(folder / "a", TWO).read_bytes()),
            "ends before its last bracket",
        ),
        (
            lambda folder: write_json(folder / "a", TWO).read_bytes() + b"{}",
            "goes on after its end",
        ),
        (
            lambda folder: json.dumps(put(HEADER, "eval.model", 5)).encode(),
            "eval.model: found 5, expected text",
        ),
        (
            lambda folder: json.dumps(put(HEADER, "eval.model", ...)).encode(),
            "eval.model: found nothing, expected text",
        ),
    ],
)
def test_a_log_that_cannot_be_read_fails_as_a_whole_with_what_is_wrong(
    tmp_path: Path, content, words: str
) -> None:
    file = tmp_path / "broken.log"
    file.write_bytes(content(tmp_path))
    (tmp_path / "a").unlink(missing_ok=True)
    store = open_store(tmp_path / "store", empty=True)
    (result,) = import_sources(store, discover([file]).sources)
    assert result.status == "failed"
    assert words in result.message
    assert len(fetch_runs(store)) == 0


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    content = bytearray(zstandard_archive([("header.json", json.dumps(HEADER).encode())]))
    place = content.rindex(b"PK\x01\x02") + 20
    content[place : place + 4] = (1 << 30).to_bytes(4, "little")
    (tmp_path / "log.eval").write_bytes(content)
    with (
        pytest.raises(ImportFormatError, match="overlap"),
        zip_members.opened(tmp_path / "log.eval"),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ...}, "id"),
        ({"id": ["x"]}, "id"),
        ({"epoch": "two"}, "epoch"),
        ({"epoch": -1}, "epoch"),
        ({"input": 5}, "input"),
        ({"output": {"completion": {"a": 1}}}, "output.completion"),
        ({"scores": [1]}, "scores"),
        ({"scores": {"match": {}}}, "scores.match.value"),
        ({"total_time": "long"}, "total_time"),
        ({"metadata": 1, "choices": "A"}, "choices"),
        ({"output": {"usage": {"input_tokens": 1.5}}}, "output.usage.input_tokens"),
    ],
)
def test_a_bad_sample_is_rejected_with_its_place_and_the_others_come_in(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    bad = TWO[0]
    for key, value in change.items():
        bad = put(bad, key, value)
    store = open_store(tmp_path / "store", empty=True)
    write_json(tmp_path / "log.json", [bad, TWO[1], sample(3)])
    (result,) = import_sources(store, discover([tmp_path / "log.json"]).sources)
    assert (result.status, result.samples, result.rejected) == ("imported", 2, 1)
    (reject,) = result.rejects
    assert (reject.record, reject.field) == ("samples[0]", field)
    assert reject.found and reject.expected


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "5",
        '"text"',
        "[]",
        '{"id": 1, "scores": {"match": {"value": "C"}}',
        "[[[[" * 5000 + "]]]]" * 5000,
    ],
)
def test_a_sample_that_is_no_object_is_rejected(read_files, tmp_path: Path, text: str) -> None:
    file = write_eval(
        tmp_path / "log.eval", TWO, more=[("samples/odd_epoch_1.json", text.encode())]
    )
    read = read_files(IMPORTER, file)
    assert len(read.samples) == 2
    assert [(reject.record, reject.field) for reject in read.rejects] == [
        ("samples/odd_epoch_1.json", "sample")
    ]


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(20))
    (tmp_path / "settings.json").write_text('{"eval": {"task": "x"}}', encoding="utf-8")
    found = discover([tmp_path])
    assert found.sources == ()
    assert len(found.unknown) == 3


def test_a_long_log_is_read_record_by_record(tmp_path: Path, monkeypatch) -> None:
    """Chunks of 64 bytes cut through every text, escape and bracket of the file."""
    monkeypatch.setattr("data.importers.kit.json_parts.CHUNK_BYTES", 64)
    tricky = [
        sample(n, "C", input='quote " slash \\ bracket ]} \\" 😀' + "\\" * n) for n in range(20)
    ]
    file = write_json(tmp_path / "log.json", tricky)
    parts = split_json(file, ("samples",), expected="a log")
    assert len(parts.spans["samples"]) == 20
    assert parts.rest["results"] == HEADER["results"]
    store = open_store(tmp_path / "store", empty=True)
    assert import_source(store, discover([file]).sources[0]).samples == 20


@pytest.mark.parametrize(
    "path",
    [
        "plan.steps",
        "plan",
        "eval.scorers",
        "eval.config",
        "eval.dataset",
        "results",
        "results.headline",
        "stats",
    ],
)
@pytest.mark.parametrize("value", [5, "x", [1], None, True])
def test_a_strange_part_of_the_header_costs_no_sample(
    read_files, tmp_path: Path, path: str, value: Any
) -> None:
    read = read_files(IMPORTER, write_json(tmp_path / "log.json", TWO, put(HEADER, path, value)))
    assert len(read.samples) == 2
