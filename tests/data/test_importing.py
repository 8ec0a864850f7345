"""From paths to the store: what is found, that a source comes in whole or not at all, and that
nothing is lost or silently changed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import data.importing as importing
from data.bootstrap import open_store
from data.checking import check_store
from data.failures import forget_failures
from data.importers.kit.base import Batch, Listing, ReportReject, Source
from data.importing import discover, import_source, import_sources, remove_import
from data.queries import fetch_imports, fetch_rejects, fetch_run, fetch_runs, fetch_store_info
from data.records import ImportFormatError, Outcome, Reject, RunInfo, ScoredSample
from data.removing import remove_runs
from data.store import Store

TABLE = "model,task,metric,value,n\nm1,arc,acc,0.25,100\nm2,arc,acc,0.5,100\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store", empty=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def own_lines(run_id: str = "r1", n_samples: int = 3, **run: Any) -> list[str]:
    """A run with samples in our own format, one JSON object a line."""
    lines = [{"kind": "run", "run_id": run_id, "model_raw": "m", "format": "test", **run}]
    lines += [
        {
            "kind": "sample",
            "run_id": run_id,
            "task": "find_minimum",
            "instance_id": f"i{i}",
            "outcome": "correct",
            "response": f"answer {i}",
        }
        for i in range(n_samples)
    ]
    return [json.dumps(line) for line in lines]


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def import_all(store: Store, *paths: Path) -> list[importing.ImportResult]:
    return list(import_sources(store, discover(paths).sources))


def contents(store: Store) -> tuple[int, ...]:
    with store.cursor() as cursor:
        return tuple(
            cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("imports", "runs", "scores", "samples", "rejects")
        )


# -- finding ---------------------------------------------------------------------------------------


def test_folder_is_walked_and_foreign_files_are_listed_with_the_reason(folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    write_lines(folder / "deep" / "er" / "run.jsonl", own_lines())
    (folder / "scores.csv").write_text(TABLE)
    (folder / "notes.txt").write_text("nothing to see")
    (folder / "empty.json").write_text("")
    (folder / ".hidden.csv").write_text(TABLE)
    (folder / ".git").mkdir()
    (folder / ".git" / "scores.csv").write_text(TABLE)
    found = discover([folder])
    assert {(source.path.name, source.importer) for source in found.sources} == {
        ("run.jsonl", "charybdis"),
        ("scores.csv", "table"),
    }
    assert {item.path.name: item.reason for item in found.unknown} == {
        "notes.txt": "no importer knows this content",
        "empty.json": "empty file",
    }


def test_format_is_told_by_content_and_not_by_name(folder: Path) -> None:
    write_lines(folder / "disguised.csv", own_lines())
    assert [source.importer for source in discover([folder]).sources] == ["charybdis"]


def test_glob_finds_files_and_one_that_finds_none_is_said_so(folder: Path) -> None:
    for name in ("a.csv", "b.csv", "c.txt"):
        (folder / name).write_text(TABLE)
    assert sorted(source.path.name for source in discover([str(folder / "*.csv")]).sources) == [
        "a.csv",
        "b.csv",
    ]
    with pytest.raises(ImportFormatError, match=r"Nothing matches .*\*\.xlsx"):
        discover([str(folder / "*.xlsx")])


def test_same_file_named_twice_is_one_source(folder: Path) -> None:
    file = folder / "a.csv"
    file.write_text(TABLE)
    assert len(discover([file, folder, str(folder / "*.csv")]).sources) == 1


def test_path_that_does_not_exist_and_unknown_format_are_refused(folder: Path) -> None:
    with pytest.raises(ImportFormatError, match="There is no file or folder"):
        discover([folder / "nowhere.csv"])
    with pytest.raises(ImportFormatError, match=r"There is no format 'abc'. Known: .*table"):
        discover([folder], only_format="abc")


def test_link_out_of_the_folder_is_not_followed_and_one_inside_is_read_once(
    tmp_path: Path, folder: Path
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text(TABLE)
    (folder / "link.csv").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.csv").symlink_to(folder / "gone.csv")
    found = discover([folder])
    assert found.sources == ()
    reasons = {item.path.name: item.reason for item in found.unknown}
    assert "leads out of the folder" in reasons["link.csv"]
    assert reasons["dangling.csv"] == "not a regular file"


@pytest.mark.parametrize(
    "text", ["\n" * 65_536, "\r\n" * 32_768, "," * 65_536, "1," * 32_768, "{\n" * 32_768]
)
def test_file_of_one_character_is_put_aside_at_once(folder: Path, text: str) -> None:
    (folder / "a.csv").write_text(text)
    started = time.perf_counter()
    found = discover([folder])
    assert (found.sources, len(found.unknown)) == ((), 1)
    assert time.perf_counter() - started < 2


def test_link_to_itself_is_left_alone_and_the_rest_comes_in(folder: Path) -> None:
    (folder / "a.csv").write_text(TABLE)
    (folder / "self.csv").symlink_to(folder / "self.csv")
    for found in (discover([folder]), discover([str(folder / "*.csv")])):
        assert [source.path.name for source in found.sources] == ["a.csv"]
        assert [(item.path.name, item.reason) for item in found.unknown] == [
            ("self.csv", "not a regular file")
        ]


def test_pipe_named_by_itself_does_not_block(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jsonl")
    found = discover([folder / "pipe.jsonl"])
    assert found.sources == ()
    assert [item.reason for item in found.unknown] == ["not a regular file"]


def test_text_of_another_encoding_is_named_as_such(folder: Path) -> None:
    (folder / "run.jsonl").write_text("\n".join(own_lines()), encoding="utf-16")
    (unknown,) = discover([folder]).unknown
    assert "UTF-16; save it as UTF-8" in unknown.reason


def test_file_whose_name_is_not_utf8_comes_in_under_a_readable_one(
    store: Store, folder: Path
) -> None:
    file = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jsonl"))
    write_lines(file, [*own_lines(source_path=str(folder)), '{"kind": "sample"}'])
    (result,) = import_all(store, folder)
    assert (result.status, result.samples) == ("imported", 3)
    assert result.path == f"{folder}/caf\\xe9.jsonl"
    assert json.dumps(result.as_json()).isascii()


def test_pipe_in_a_folder_does_not_block(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    assert [item.reason for item in discover([folder]).unknown] == ["not a regular file"]


# -- whole or not at all ---------------------------------------------------------------------------


def test_source_comes_in_with_its_provenance(store: Store, folder: Path) -> None:
    file = write_lines(folder / "run.jsonl", own_lines())
    (result,) = import_all(store, file)
    assert (result.status, result.runs, result.scores, result.samples, result.rejected) == (
        "imported",
        1,
        0,
        3,
        0,
    )
    (noted,) = fetch_imports(store).to_dict("records")
    assert (
        noted["path"],
        noted["format"],
        noted["sha256"],
        noted["n_samples"],
        noted["n_bytes"],
    ) == (
        str(file),
        "charybdis",
        result.sha256,
        3,
        file.stat().st_size,
    )
    run = fetch_run(store, "r1")
    assert (run["sha256"], run["import_path"]) == (result.sha256, str(file))


def test_same_content_again_changes_nothing_whatever_its_name(store: Store, folder: Path) -> None:
    import_all(store, write_lines(folder / "run.jsonl", own_lines()))
    version, before = store.version, contents(store)
    (again,) = import_all(store, folder / "run.jsonl")
    (copy,) = import_all(store, write_lines(folder / "copy.jsonl", own_lines()))
    assert (again.status, copy.status) == ("unchanged", "unchanged")
    assert (again.runs, again.samples) == (1, 3)
    assert "imported before" in copy.message
    assert str(folder / "run.jsonl") in copy.message
    assert (store.version, contents(store)) == (version, before)


def test_changed_content_of_a_run_replaces_it_as_a_whole(store: Store, folder: Path) -> None:
    file = write_lines(folder / "run.jsonl", own_lines(n_samples=5))
    import_all(store, file)
    import_all(store, write_lines(file, own_lines(n_samples=2)))
    assert contents(store) == (1, 1, 0, 2, 0)


def test_bad_records_are_kept_with_their_place_and_the_good_ones_come_in(
    store: Store, folder: Path
) -> None:
    lines = own_lines(n_samples=3)
    lines.insert(
        2,
        '{"kind": "sample", "run_id": "r1", "task": "find_minimum", "instance_id": "x", "outcome":'
        ' "splendid"}',
    )
    lines.append('{"kind": "sample", "run_id": "r1", "ta')
    (result,) = import_all(store, write_lines(folder / "run.jsonl", lines))
    assert (result.status, result.samples, result.rejected) == ("imported", 3, 2)
    kept = fetch_rejects(store)
    assert len(kept) == 2
    assert kept["file"].str.endswith("run.jsonl").all()
    assert "splendid" in kept["found"][0]
    assert kept["record"].str.contains("3")[0]


def test_source_without_one_usable_record_fails_and_leaves_only_its_note(
    store: Store, folder: Path
) -> None:
    file = write_lines(folder / "run.jsonl", ['{"kind": "sample", "run_id": "r1"}'] * 3)
    (result,) = import_all(store, file)
    assert result.status == "failed"
    assert str(file) in result.message
    assert "nothing" in result.message.lower()
    assert contents(store) == (1, 0, 0, 0, 3)


def test_rejects_beyond_a_thousand_are_counted_but_not_kept(store: Store, folder: Path) -> None:
    (result,) = import_all(
        store, write_lines(folder / "run.jsonl", [*own_lines(), *['{"kind": "sample"}'] * 1500])
    )
    assert (result.status, result.rejected, len(result.rejects)) == ("imported", 1500, 1000)
    assert len(fetch_rejects(store, limit=5000)) == 1000
    assert fetch_imports(store)["n_rejected"].tolist() == [1500]


class BreakingImporter:
    """Reads a run and some samples, then gives up as `text` of the file says."""

    name, label, version = "breaking", "Breaks off", 1

    def claim(self, listing: Listing) -> list[Source]:
        return [Source(self.name, file, (file,)) for file in listing.files]

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        word = source.path.read_text()
        yield RunInfo(
            run_id=f"run-{word}",
            model_raw="new-model",
            format=self.name,
            source_path=str(source.path),
        )
        yield [
            ScoredSample(
                run_id=f"run-{word}", task="new-task", instance_id="1", outcome=Outcome.CORRECT
            )
        ]
        report(Reject(str(source.path), "1", "f", "x", "y"))
        if word == "overflow":
            yield [
                ScoredSample(
                    run_id=f"run-{word}", task="new-task", instance_id="2", n_output_tokens=1 << 40
                )
            ]
        if word == "shape":
            yield [ScoredSample(run_id=f"run-{word}", task=({}[word]), instance_id="2")]
        if word == "format":
            raise ImportFormatError("Cut off in the middle.")
        if word == "disk":
            raise OSError(5, "Input/output error")


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "IMPORTERS", (BreakingImporter(),))


@pytest.mark.usefixtures("breaking")
@pytest.mark.parametrize("word", ["format", "disk"])
def test_source_that_breaks_off_leaves_nothing_behind_and_the_next_comes_in(
    store: Store, folder: Path, word: str
) -> None:
    (folder / "a.txt").write_text(word)
    (folder / "b.txt").write_text("fine")
    results = import_all(store, folder)
    assert [result.status for result in results] == ["failed", "imported"]
    assert results[0].rejected == 1
    assert contents(store) == (2, 1, 0, 1, 2)
    assert fetch_runs(store)["run_id"].tolist() == ["run-fine"]
    with store.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM cells").fetchall() == [(1,)]


@pytest.mark.usefixtures("breaking")
def test_file_that_lies_elsewhere_only_for_the_moment_is_kept_under_the_name_given(
    store: Store, folder: Path
) -> None:
    (folder / "b.txt").write_text("fine")
    (result,) = import_sources(
        store, discover([folder]).sources, name_of=lambda path: f"dropped:{path.name}"
    )
    assert result.path == "dropped:b.txt"
    assert fetch_imports(store)["path"].tolist() == ["dropped:b.txt"]
    assert fetch_rejects(store)["file"].tolist() == ["dropped:b.txt"]
    assert fetch_run(store, "run-fine")["source_path"] == "dropped:b.txt"


def test_progress_counts_the_sources(store: Store, folder: Path) -> None:
    for i in range(3):
        write_lines(folder / f"{i}.jsonl", own_lines(f"r{i}"))
    seen: list[tuple[int, int]] = []
    list(
        import_sources(
            store,
            discover([folder]).sources,
            progress=lambda done, total, _: seen.append((done, total)),
        )
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_file_that_vanished_after_it_was_found_is_a_failure_of_its_own(
    store: Store, folder: Path
) -> None:
    file = write_lines(folder / "run.jsonl", own_lines())
    sources = discover([file]).sources
    file.unlink()
    (result,) = import_sources(store, sources)
    assert (result.status, result.sha256) == ("failed", "")
    assert "cannot be read" in result.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("level", 70_000),
        ("epoch", -70_000),
        ("n_output_tokens", 2**40),
        ("score", 1e300),
        ("duration_s", "NaN"),
    ],
)
def test_number_that_does_not_fit_is_a_reject(
    store: Store, folder: Path, field: str, value: Any
) -> None:
    lines = own_lines()
    bad = json.loads(lines[1]) | {"instance_id": "bad", field: value}
    (result,) = import_all(store, write_lines(folder / "run.jsonl", [*lines, json.dumps(bad)]))
    assert (result.status, result.samples, result.rejected) == ("imported", 3, 1)
    assert result.rejects[0].field == field


@pytest.mark.usefixtures("breaking")
def test_number_that_an_importer_let_through_and_no_column_holds_is_a_failure_with_a_reason(
    store: Store, folder: Path
) -> None:
    (folder / "a.txt").write_text("overflow")
    (result,) = import_all(store, folder)
    assert result.status == "failed"
    assert "a value in it does not fit the store" in result.message
    assert contents(store) == (1, 0, 0, 0, 1)


@pytest.mark.usefixtures("breaking")
def test_file_that_its_importer_cannot_follow_fails_by_itself(store: Store, folder: Path) -> None:
    (folder / "a.txt").write_text("shape")
    (folder / "b.txt").write_text("fine")
    results = import_all(store, folder)
    assert [result.status for result in results] == ["failed", "imported"]
    assert "something in it is not as in such files (KeyError: 'shape')" in results[0].message
    assert contents(store)[1] == 1


# -- notes of what failed --------------------------------------------------------------------------


@pytest.mark.usefixtures("breaking")
def test_failure_is_noted_with_its_reason_until_its_path_comes_in(
    store: Store, folder: Path
) -> None:
    (folder / "a.txt").write_text("shape")
    for n in (1, 2):  # tried again, not skipped, and noted once
        (result,) = import_all(store, folder)
        assert (result.status, store.version) == ("failed", store.version)
        (noted,) = fetch_imports(store).to_dict("records")
        assert (noted["status"], noted["path"], noted["sha256"], noted["message"]) == (
            "failed",
            str(folder / "a.txt"),
            result.sha256,
            result.message,
        ), n
        assert (noted["n_runs"], noted["n_rejected"], noted["n_bytes"]) == (0, 1, 5)
    info = fetch_store_info(store)
    assert (info["imports"], info["failed_imports"], info["newest_import_at"]) == (0, 1, None)
    assert len(fetch_rejects(store)) == 1
    assert all(finding.passed for finding in check_store(store))
    (folder / "a.txt").write_text("fine")
    assert [result.status for result in import_all(store, folder)] == ["imported"]
    assert [
        (noted["status"], noted["path"]) for noted in fetch_imports(store).to_dict("records")
    ] == [("imported", str(folder / "a.txt"))]
    assert len(fetch_rejects(store)) == 1


def test_content_that_failed_is_tried_again_and_its_note_goes_when_it_comes_in(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_lines(folder / "run.jsonl", own_lines())
    with monkeypatch.context() as patched:
        patched.setattr(
            importing,
            "_write",
            lambda *_, **__: (_ for _ in ()).throw(ImportFormatError("not yet")),
        )
        assert [result.status for result in import_all(store, file)] == ["failed"]
    copy = file.rename(folder / "copy.jsonl")
    assert [result.status for result in import_all(store, copy)] == ["imported"]
    assert fetch_imports(store)["status"].tolist() == ["imported"]


def test_note_goes_when_its_path_now_holds_what_is_in_already(store: Store, folder: Path) -> None:
    good = write_lines(folder / "good.jsonl", own_lines())
    bad = write_lines(folder / "bad.jsonl", ['{"kind": "sample", "run_id": "r1"}'])
    assert sorted(result.status for result in import_all(store, folder)) == ["failed", "imported"]
    bad.write_bytes(good.read_bytes())
    assert [result.status for result in import_all(store, bad)] == ["unchanged"]
    assert fetch_imports(store)["status"].tolist() == ["imported"]


def test_file_that_cannot_be_read_is_noted_without_a_hash(store: Store, folder: Path) -> None:
    file = write_lines(folder / "run.jsonl", own_lines())
    sources = discover([file]).sources
    file.unlink()
    list(import_sources(store, sources))
    (noted,) = fetch_imports(store).to_dict("records")
    assert (noted["status"], noted["sha256"], noted["n_bytes"]) == ("failed", "", 0)


def test_notes_are_removed_one_by_one_or_forgotten_together(store: Store, folder: Path) -> None:
    for name in ("a", "b", "c"):
        write_lines(folder / f"{name}.jsonl", ['{"kind": "sample", "run_id": "r1"}'])
    write_lines(folder / "good.jsonl", own_lines())
    import_all(store, folder)
    failed = fetch_imports(store).query("status == 'failed'")
    assert remove_import(store, int(failed["import_key"].iloc[0])) == 0
    assert forget_failures(store) == 2
    assert contents(store) == (1, 1, 0, 3, 0)
    assert all(finding.passed for finding in check_store(store))


@pytest.mark.usefixtures("breaking")
def test_note_of_a_file_that_lay_elsewhere_for_the_moment_names_it_as_it_was_named(
    store: Store, folder: Path
) -> None:
    (folder / "a.txt").write_text("shape")
    list(
        import_sources(
            store, discover([folder]).sources, name_of=lambda path: f"dropped:{path.name}"
        )
    )
    (noted,) = fetch_imports(store).to_dict("records")
    assert noted["path"] == "dropped:a.txt" and str(folder) not in noted["message"]


@pytest.mark.parametrize(
    "text", ["zero\x00byte", "lone\ud800surrogate", "\u202ertl", "\x1b[31m", "x" * 10_000_000]
)
def test_hostile_text_comes_in_or_is_rejected_but_never_breaks_the_store(
    store: Store, folder: Path, text: str
) -> None:
    lines = own_lines(n_samples=1)
    odd = json.loads(lines[1]) | {"instance_id": "odd", "response": text}
    (result,) = import_all(store, write_lines(folder / "run.jsonl", [*lines, json.dumps(odd)]))
    assert result.status == "imported"
    assert result.samples + result.rejected == 2


def test_file_of_nothing_but_rejects_is_a_failure_not_an_empty_run(
    store: Store, folder: Path
) -> None:
    table = folder / "table.csv"
    table.write_text(
        "model,task,split,metric,value\nA,sort,id,accuracy,many\nA,sort,ood,accuracy,few\n"
    )
    (result,) = import_all(store, table)
    assert (result.status, result.rejected, contents(store)) == ("failed", 2, (1, 0, 0, 0, 2))
    assert "no result in it could be used" in result.message


# -- again and away --------------------------------------------------------------------------------


def test_removed_run_comes_back_with_its_file(store: Store, folder: Path) -> None:
    file = write_lines(folder / "run.jsonl", own_lines())
    import_all(store, file)
    with store.transaction() as cursor:
        remove_runs(cursor, ["r1"])
    assert contents(store) == (0,) * 5
    (result,) = import_all(store, file)
    assert (result.status, contents(store)) == ("imported", (1, 1, 0, 3, 0))


def test_copy_of_a_run_without_its_samples_does_not_take_them_away(
    store: Store, folder: Path
) -> None:
    import_all(store, write_lines(folder / "whole.jsonl", own_lines()))
    lesser = write_lines(folder / "lesser.jsonl", own_lines()[:1])
    (result,) = import_all(store, lesser)
    assert result.status == "unchanged"
    assert "states run r1 without samples" in result.message
    assert contents(store) == (1, 1, 0, 3, 0)
    with store.transaction() as cursor:
        remove_runs(cursor, ["r1"])
    (result,) = import_all(store, lesser)
    assert (result.status, contents(store)) == ("imported", (1, 1, 0, 0, 0))


def test_samples_that_came_alone_are_counted_once_when_their_results_follow(
    store: Store, folder: Path, shared: Path
) -> None:
    whole = shared / "fixtures" / "lm_eval_v04" / "selfmade_0.4.13" / "tiny-random__tiny-b"
    alone = folder / "alone"
    alone.mkdir()
    for file in whole.glob("samples_*add1*.jsonl"):
        shutil.copy(file, alone)
    (first,) = import_all(store, alone)
    assert (first.status, first.runs) == ("imported", 1)
    (second,) = import_all(store, whole)
    assert (second.status, second.samples) == ("imported", 64)
    assert contents(store)[1:4] == (1, 8, 64)  # one run, its scores, each sample once
    (third,) = import_all(store, alone)
    assert (third.status, contents(store)[1:4]) == ("unchanged", (1, 8, 64))
    assert "part of what was imported" in third.message


def test_one_removed_run_of_several_comes_back_with_its_file(store: Store, folder: Path) -> None:
    file = write_lines(folder / "runs.jsonl", [*own_lines("r1"), *own_lines("r2")])
    import_all(store, file)
    with store.transaction() as cursor:
        remove_runs(cursor, ["r1"])
    (result,) = import_all(store, file)
    assert result.status == "imported"
    assert sorted(fetch_runs(store)["run_id"]) == ["r1", "r2"]
    assert contents(store) == (1, 2, 0, 6, 0)


def test_run_that_a_file_starts_twice_is_no_loss_of_its_import(store: Store, folder: Path) -> None:
    file = write_lines(folder / "runs.jsonl", [*own_lines("r1", 2), *own_lines("r1", 1)])
    (result,) = import_all(store, file)
    if result.status == "imported":
        assert contents(store)[:2] == (1, 1)
        assert contents(store)[3] == result.samples
        assert fetch_run(store, "r1")["import_path"] == str(file)
    else:
        assert "r1" in result.message
        assert contents(store) == (0,) * 5


def test_another_mapping_of_the_same_table_is_another_import_and_replaces_its_runs(
    store: Store, folder: Path
) -> None:
    file = folder / "scores.csv"
    file.write_text(TABLE)
    (source,) = discover([file]).sources
    (corrected,) = discover([file], options={"mapping": {"constants": {"split": "ood"}}}).sources
    assert import_source(store, source).status == "imported"
    again = import_source(store, corrected)
    assert again.status == "imported"
    assert len(fetch_runs(store)) == 2
    assert contents(store)[0] == 1
    with store.cursor() as cursor:
        assert cursor.execute("SELECT DISTINCT split::VARCHAR FROM scores").fetchall() == [("ood",)]
    assert import_source(store, corrected).status == "unchanged"


def test_result_as_json_is_plain_and_keeps_the_first_rejects(store: Store, folder: Path) -> None:
    (result,) = import_all(
        store, write_lines(folder / "run.jsonl", [*own_lines(), *['{"kind": "sample"}'] * 30])
    )
    plain = json.loads(json.dumps(result.as_json()))
    assert plain["rejected"] == 30
    assert len(plain["rejects"]) == 20
    assert set(plain["rejects"][0]) == {"file", "record", "field", "found", "expected"}
