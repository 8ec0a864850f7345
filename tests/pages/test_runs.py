"""The runs page: what came in and from where, importing by path, correcting a mapping, rejects, one
run in full, removal.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from data.importers.table.reading import read_head
from data.importing import discover, import_sources
from data.mappings import remember_mapping, remembered_mapping
from data.queries import fetch_imports, fetch_runs, fetch_scores
from data.records import Outcome, RunInfo, RunStatus, ScoredSample, Selection
from data.store import Store
from data.watching import Watch, watch_folders, watched_folders
from data.writer import writing
from pages.runs.sections import run_file, run_records
from tests.data.importers.inspect_files import sample, write_eval
from ui.settings import settings

OpenApp = Callable[[Path], AppTest]

PERCENT = "model;accuracy MMLU;notes\nm1;25,5;a\nm2;50,25;b\n"


def open_runs(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    app.switch_page("pages/runs/page.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def texts(app: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error", "success", "text")
    return "\n".join(element.value for kind in kinds for element in getattr(app, kind)).replace(
        "\\", ""
    )


def frame_with(app: AppTest, column: str) -> pd.DataFrame:
    return next(frame.value for frame in app.dataframe if column in frame.value.columns)


def import_path(app: AppTest, path: Path | str) -> AppTest:
    next(box for box in app.text_input if "path on this machine" in box.label).input(str(path))
    return next(button for button in app.button if button.label == "Find").click().run()


@pytest.fixture
def writable(demo_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_store, tmp_path / "store"))


# -- what is there ---------------------------------------------------------------------------------


def test_list_names_every_run_and_the_sentence_counts_them(
    open_app: OpenApp, demo_store: Path
) -> None:
    app = open_runs(open_app, demo_store)
    assert not app.exception
    assert "37 runs of 30 models from 2 imports" in texts(app)
    assert "no record was rejected" in texts(app)
    assert len(frame_with(app, "run")) == 37


def test_link_of_a_model_narrows_the_list(open_app: OpenApp, demo_store: Path) -> None:
    app = open_runs(open_app, demo_store, model="Qwen1.5-7B")
    assert set(frame_with(app, "run")["model"]) == {"Qwen1.5-7B"}


def test_link_of_a_run_shows_it_in_full(open_app: OpenApp, demo_store: Path) -> None:
    app = open_runs(open_app, demo_store, run="run-demo-large")
    assert "1,200 samples (714 correct, 396 wrong, 60 unparsed, 30 error), 0 scores" in texts(app)
    facts = frame_with(app, "fact").set_index("fact")["value"]
    assert facts["format"] == "probe"
    assert facts["id_source"] == "ladder"


def test_published_run_shows_the_file_it_was_typed_into_and_its_hash(
    open_app: OpenApp, demo_store: Path
) -> None:
    run_id = frame_with(open_runs(open_app, demo_store, model="o1-mini"), "run")["run"].iloc[0]
    app = open_runs(open_app, demo_store, run=run_id)
    facts = frame_with(app, "fact").set_index("fact")["value"]
    assert facts["import_path"].endswith("scylla_table2.csv")
    assert len(facts["sha256"]) == 64


def test_run_of_a_link_that_is_gone_is_said_so(open_app: OpenApp, demo_store: Path) -> None:
    app = open_runs(open_app, demo_store, run="r-none")
    assert "The link asks for run r-none" in texts(app)


def test_status_and_warnings_of_a_run_stand_beside_it(
    open_app: OpenApp, empty_store: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(empty_store, tmp_path / "store"))
    store = Store(folder)
    with writing(store) as writer:
        writer.add_run(
            RunInfo(
                run_id="r",
                model_raw="m",
                format="test",
                status=RunStatus.CANCELLED,
                warnings=("cut short <b>x</b>",),
                generation={"temperature": 0.5, "stop": ["\x1b"]},
            )
        )
    store.close()
    app = open_runs(open_app, folder, run="r")
    assert not app.exception
    assert "cut short <b>x</b>" in texts(app)
    assert frame_with(app, "run")["status"].tolist() == ["cancelled"]
    assert "generation: temperature" in frame_with(app, "setting")["setting"].tolist()


@pytest.mark.parametrize("view", ["Runs", "Import", "Sources", "Models", "Rejects"])
@pytest.mark.parametrize("kind", ["demo_store", "empty_store", "odd_store"])
def test_every_view_opens_on_every_store(
    open_app: OpenApp, request: pytest.FixtureRequest, kind: str, view: str
) -> None:
    app = open_runs(open_app, request.getfixturevalue(kind), view=view)
    assert not app.exception
    assert not app.error


def test_empty_store_says_what_to_do(open_app: OpenApp, empty_store: Path) -> None:
    assert "The store holds no runs yet." in texts(open_runs(open_app, empty_store))


def test_sources_are_listed_with_path_format_and_hash(open_app: OpenApp, demo_store: Path) -> None:
    sources = frame_with(open_runs(open_app, demo_store, view="Sources"), "sha256")
    assert len(sources) == 2
    assert sources["format"].tolist() == ["published"] * 2
    assert sources["sha256"].str.fullmatch("[0-9a-f]{64}").all()


# -- importing -------------------------------------------------------------------------------------


def test_file_of_our_own_comes_in_by_path_with_its_rejects_listed(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    lines = [{"kind": "run", "run_id": "mine", "model_raw": "my-model", "format": "probe"}]
    lines += [
        {"kind": "sample", "run_id": "mine", "task": "t", "instance_id": f"{i}", "outcome": word}
        for i, word in enumerate(["correct", "splendid"])
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    app = import_path(open_runs(open_app, writable, view="Import"), file)
    assert not app.exception
    assert "Imported 1 run and 1 sample from 1 source; 1 record rejected." in texts(app)
    assert "Which model is better, and how sure is that?" in {
        link.proto.label for link in app.get("page_link")
    }
    assert "'splendid'" in frame_with(app, "found")["found"].iloc[0]
    rejects = open_runs(open_app, writable, view="Rejects")
    assert frame_with(rejects, "found")["source"].tolist() == [str(file)]


def test_same_file_again_is_said_to_be_unchanged(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        json.dumps({"kind": "run", "run_id": "mine", "model_raw": "m", "format": "probe"}) + "\n"
    )
    app = import_path(open_runs(open_app, writable, view="Import"), file)
    app = import_path(app, file)
    assert "1 source in already, unchanged." in texts(app)


def test_folder_of_foreign_files_lists_them_and_stores_nothing(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "diary.txt").write_text("dear diary")
    app = import_path(open_runs(open_app, writable, view="Import"), folder)
    assert "1 file left alone." in texts(app)
    assert frame_with(app, "what happened")["what happened"].tolist() == [
        "no importer knows this content"
    ]
    assert len(fetch_runs(Store(writable))) == 37


def test_table_waits_for_its_mapping_and_follows_the_corrections(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scores.csv"
    file.write_text(PERCENT)
    app = import_path(open_runs(open_app, writable, view="Import"), file)
    assert "Nothing is stored yet." in texts(app)
    assert len(fetch_runs(Store(writable))) == 37
    assert app.checkbox(key="mapping 0 comma").value
    assert not app.exception
    app.button(key="confirm import").click().run()
    assert "Imported 2 runs and 2 scores from 1 source" in texts(app)
    scores = fetch_scores(Store(writable), Selection(models=("m1", "m2")))
    assert sorted(scores["value"]) == [25.5, 50.25]
    assert set(scores["scale"]) == {"0-100"}


def test_mapping_that_does_not_fit_says_why_and_blocks_the_import(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scores.csv"
    file.write_text(PERCENT)
    app = import_path(open_runs(open_app, writable, view="Import"), file)
    app.selectbox(key="mapping 0 shape").select("samples").run()
    assert "no column for task, sample_id" in texts(app)
    assert app.button(key="confirm import").disabled
    app.button(key="cancel import").click().run()
    assert not app.error
    assert any("path on this machine" in box.label for box in app.text_input)


def test_import_by_path_is_off_when_the_server_listens_beyond_this_machine(
    open_app: OpenApp, demo_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else original(name)
    )
    app = open_runs(open_app, demo_store, view="Import")
    assert "Import by path is off" in texts(app)
    assert not any("path on this machine" in box.label for box in app.text_input)


# -- removal and download --------------------------------------------------------------------------


def test_run_is_removed_only_after_it_was_confirmed(open_app: OpenApp, writable: Path) -> None:
    app = open_runs(open_app, writable, run="run-demo-small")
    app.button(key="remove run").click().run()
    assert "Run run-demo-small of demo-small: 1,200 samples" in texts(app)
    assert len(fetch_runs(Store(writable))) == 37
    app.button(key="confirm removal").click().run()
    assert not app.exception
    assert "Run run-demo-small of demo-small was removed." in texts(app)
    assert "run-demo-small" not in set(fetch_runs(Store(writable))["run_id"])


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_saved_run_imports_back_without_loss(
    writable: Path, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setenv("CHARYBDIS_STORE", str(writable))
    settings.cache_clear()
    file = tmp_path / f"run.{suffix}"
    file.write_bytes(run_file("run-demo-large", suffix))
    settings.cache_clear()
    other = Store(shutil.copytree(empty_store, tmp_path / "other"))
    (result,) = import_sources(other, discover([file]).sources)
    assert (result.status, result.runs, result.samples, result.rejected) == ("imported", 1, 1200, 0)
    columns = [
        "model",
        "n_samples",
        "n_correct",
        "n_wrong",
        "n_unparsed",
        "n_error",
        "level_scheme",
    ]
    mine = fetch_runs(Store(writable)).query("run_id == 'run-demo-large'")
    assert fetch_runs(other)[columns].to_numpy().tolist() == mine[columns].to_numpy().tolist()


def test_run_is_saved_as_records_that_import_back(
    open_app: OpenApp,
    writable: Path,
    empty_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = open_runs(open_app, writable, run="run-demo-large")
    assert "Save as Every Eval Ever" in [
        button.proto.label for button in app.get("download_button")
    ]
    monkeypatch.setenv("CHARYBDIS_STORE", str(writable))
    settings.cache_clear()
    with zipfile.ZipFile(io.BytesIO(run_records("run-demo-large"))) as archive:
        archive.extractall(tmp_path / "records")
    settings.cache_clear()
    other = Store(shutil.copytree(empty_store, tmp_path / "other"))
    (result,) = import_sources(other, discover([tmp_path / "records"]).sources)
    assert (result.format, result.status, result.runs, result.samples) == (
        "every_eval_ever",
        "imported",
        1,
        1200,
    )


def test_words_of_a_link_that_name_nothing_are_said(open_app: OpenApp, demo_store: Path) -> None:
    app = open_app(demo_store).run()
    app.query_params["model"] = "no-such-model"
    app.query_params["view"] = "Nowhere"
    app.switch_page("pages/runs/page.py").run()
    said = " ".join(element.value for element in app.warning).replace("\\", "")
    assert "The link asks for model no-such-model" in said
    assert (
        "The link asks for view Nowhere" in said
        and "Possible: Runs, Import, Sources, Models, Rejects" in said
    )


def test_a_watched_folder_is_kept_and_what_came_in_is_listed(
    demo_store: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    store = shutil.copytree(demo_store, tmp_path / "store")
    results = tmp_path / "results"
    results.mkdir()
    app = open_runs(open_app, store, view="Import")
    app.text_input(key="folder to watch").set_value(str(results))
    next(button for button in app.button if button.label == "Watch").click()
    app.run()
    assert not app.exception
    assert str(results) in texts(app)
    assert watched_folders(Store(store)) == (results,)
    next(button for button in app.button if button.label == "Stop").click().run()
    assert watched_folders(Store(store)) == ()


def test_watching_what_is_no_folder_is_refused(
    demo_store: Path, open_app: OpenApp, tmp_path: Path
) -> None:
    store = shutil.copytree(demo_store, tmp_path / "store")
    app = open_runs(open_app, store, view="Import")
    app.text_input(key="folder to watch").set_value(str(tmp_path / "nothing"))
    next(button for button in app.button if button.label == "Watch").click()
    app.run()
    assert "is no folder" in texts(app)
    assert watched_folders(Store(store)) == ()


# -- who is who ------------------------------------------------------------------------------------


def add_run(store: Store, run_id: str, model: str, *, run_format: str = "probe") -> None:
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id=run_id, model_raw=model, format=run_format))
        outcomes = [Outcome.CORRECT, Outcome.WRONG] * 6
        writer.add_samples(
            [
                ScoredSample(run_id=run_id, task="t", instance_id=f"{i}", outcome=o)
                for i, o in enumerate(outcomes)
            ]
        )


def model_of(store: Path, run_id: str) -> str:
    runs = fetch_runs(Store(store))
    return str(runs.set_index("run_id")["model"][run_id])


def test_suggested_models_are_merged_by_a_click_only_and_split_by_another(
    open_app: OpenApp, writable: Path
) -> None:
    store = Store(writable)
    add_run(store, "mine", "/models/<b>demo-large</b>")
    add_run(store, "hub", "org/demo-large")
    app = open_runs(open_app, writable, view="Models")
    assert not app.exception
    assert (
        "org/demo-large may be demo-large: without the organisation 'org/' both read 'demolarge'."
        in texts(app).replace("**", "")
    )
    assert model_of(writable, "hub") == "org/demo-large"
    app.button(key="merge 0").click().run()
    assert "org/demo-large merged into demo-large: 1 run moved." in texts(app)
    assert model_of(writable, "hub") == "demo-large"
    assert frame_with(app, "by")[["name", "model", "by"]].to_numpy().tolist()[0] == [
        "org/demo-large",
        "demo-large",
        "you",
    ]
    app.button(key="split org/demo-large").click().run()
    assert not app.exception
    assert model_of(writable, "hub") == "org/demo-large"


def test_two_models_that_only_look_alike_are_not_suggested_again(
    open_app: OpenApp, writable: Path
) -> None:
    add_run(Store(writable), "hub", "org/demo-large")
    app = open_runs(open_app, writable, view="Models")
    app.button(key="apart 0").click().run()
    assert "are two models" in texts(app)
    assert "No two names of models look like one model." in texts(app)
    assert model_of(writable, "hub") == "org/demo-large"


def test_models_that_nothing_suggests_are_merged_by_hand(open_app: OpenApp, writable: Path) -> None:
    app = open_runs(open_app, writable, view="Models")
    app.multiselect(key="models to merge").select("demo-small")
    app.selectbox(key="model to keep").select("demo-large").run()
    app.button(key="merge by hand").click().run()
    assert not app.exception
    assert model_of(writable, "run-demo-small") == "demo-large"


def test_run_that_came_in_two_formats_is_said_so_with_links_to_both(
    open_app: OpenApp, writable: Path
) -> None:
    store = Store(writable)
    add_run(store, "first", "twice")
    add_run(store, "second", "twice", run_format="inspect")
    app = open_runs(open_app, writable, view="Models")
    assert not app.exception
    assert "the same outcomes on the same 12 instances" in texts(app)
    assert [link.proto.label for link in app.get("page_link")][-2:] == ["Run first", "Run second"]


# -- what failed -----------------------------------------------------------------------------------


def test_failed_import_is_listed_with_its_reason_after_a_reload_until_it_is_forgotten(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"kind": "sample", "run_id": "r1"}\n')
    list(import_sources(Store(writable), discover([bad]).sources))
    app = open_runs(open_app, writable, view="Sources")
    assert "1 source failed; 1 record could not come in" in texts(
        app
    ) and "from 2 imports" in texts(app)
    assert f"{bad} was read as charybdis, but no result in it could be used" in texts(app)
    failed = frame_with(app, "why")
    assert (
        failed["source"].tolist() == [str(bad)]
        and "no result in it could be used" in failed["why"][0]
    )
    assert str(bad) not in frame_with(app, "importer version")["source"].tolist()
    app.button(key="forget failures").click().run()
    assert not app.exception
    assert "1 failed import forgotten." in texts(app) and "What failed" not in texts(app)
    assert Store(writable) and fetch_imports(Store(writable))["status"].tolist() == [
        "imported",
        "imported",
    ]


def test_run_that_is_still_being_written_is_called_running(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    (tmp_path / "watched").mkdir()
    write_eval(tmp_path / "watched" / "log.eval", [sample(1)], None)
    watch_folders(Store(writable), [tmp_path / "watched"])
    Watch(Store(writable)).look()
    run_id = fetch_runs(Store(writable)).query("format == 'inspect'")["run_id"].iloc[0]
    app = open_runs(open_app, writable, run=run_id)
    assert "running" in frame_with(app, "run")["status"].tolist()
    assert "Still being written: these are its numbers so far." in texts(app)


# -- remembered mappings and undone imports --------------------------------------------------------


def test_corrected_mapping_is_offered_for_the_next_table_with_the_same_columns_and_can_be_forgotten(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(PERCENT)
    second.write_text(PERCENT.replace("m1", "m3").replace("m2", "m4"))
    app = import_path(open_runs(open_app, writable, view="Import"), first)
    assert "These columns came before" not in texts(app)
    app.button(key="confirm import").click().run()
    assert not app.exception
    assert remembered_mapping(Store(writable), read_head(second)) == {
        "scales": {"accuracy MMLU": "0-100"}
    }
    remember_mapping(Store(writable), read_head(second), {"decimal_comma": False})
    app = import_path(open_runs(open_app, writable, view="Import"), second)
    assert "These columns came before" in texts(app)
    assert not app.checkbox(key="mapping 0 remembered comma").value
    app.button(key="mapping 0 forget").click().run()
    assert "These columns came before" not in texts(app)
    assert app.checkbox(key="mapping 0 comma").value


def test_table_that_names_no_model_comes_in_once_the_model_is_typed(
    open_app: OpenApp, writable: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("task,metric,value\nmmlu,accuracy,0.5\n")
    app = import_path(open_runs(open_app, writable, view="Import"), file)
    assert "no column for model" in texts(app)
    assert app.button(key="confirm import").disabled
    app.text_input(key="mapping 0 constant model").input("typed-model").run()
    app.button(key="confirm import").click().run()
    assert not app.exception
    assert "typed-model" in set(fetch_runs(Store(writable))["model"])


def test_import_is_undone_by_one_click(open_app: OpenApp, writable: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("model,mmlu\nm1,0.5\n")
    list(import_sources(Store(writable), discover([file]).sources))
    app = open_runs(open_app, writable, view="Sources")
    app.button(key="remove import").click().run()
    assert not app.exception
    assert "was removed with 1 run." in texts(app)
    assert (
        "m1" not in set(fetch_runs(Store(writable))["model"])
        and len(fetch_runs(Store(writable))) == 37
    )
