"""Colours follow the order in which models came into the store; nothing that happens later moves a
model in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from data.importing import discover, import_sources
from data.model_order import fetch_model_order
from data.records import RunInfo
from data.removing import remove_runs
from data.store import Store
from data.writer import writing
from ui.reading import PARTS

TABLE = (
    "model,task,split,level,accuracy,n\n"
    "Aardvark-1B,two_sum,id,2,0.9,100\nAardvark-1B,two_sum,ood,2,0.5,100\n"
)


def add_run(store: Store, model: str, run_id: str) -> None:
    with writing(store) as writer:
        writer.add_run(RunInfo(run_id=run_id, model_raw=model, format="probe"))


def test_a_model_keeps_its_place_when_its_run_comes_anew_or_goes(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for place, model in enumerate(("zebra", "koala", "newt")):
        add_run(store, model, f"run-{place}")
    add_run(store, "zebra", "run-0")
    add_run(store, "ant", "run-9")
    with store.transaction() as cursor:
        remove_runs(cursor, ["run-1"])
    assert fetch_model_order(store) == ("zebra", "koala", "newt", "ant")
    add_run(store, "koala", "run-1")
    assert fetch_model_order(store) == ("zebra", "koala", "newt", "ant")


def test_a_store_without_a_kept_order_has_that_of_its_first_runs(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for place, model in enumerate(("zebra", "koala")):
        add_run(store, model, f"run-{place}")
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM meta WHERE key = 'model_order'")
    assert fetch_model_order(store) == ("zebra", "koala")


def test_importing_another_model_recolours_nothing_on_a_page(
    demo_store: Path, tmp_path: Path, open_app: Callable[[Path], AppTest]
) -> None:
    folder = Path(shutil.copytree(demo_store, tmp_path / "store"))
    before = _colors(open_app(folder))
    file = tmp_path / "new.csv"
    file.write_text(TABLE)
    store = Store(folder)
    assert [done.status for done in import_sources(store, discover([file]).sources)] == ["imported"]
    store.close()
    assert fetch_model_order(store)[-1] == "Aardvark-1B"
    assert _colors(open_app(folder)) == before
    assert len(set(before.values())) == len(before) >= 2


def _colors(app: AppTest) -> dict[str, str]:
    """Colour of every line of the valley page, by model."""
    app.query_params["models"] = ["demo-large", "demo-small"]
    app.run()
    app.switch_page("pages/valley/page.py").run()
    charts = [part.content for part in app.session_state[PARTS] if part.kind == "chart"]
    lines = [trace for trace in charts[0]["data"] if str(trace.get("uid", "")).endswith(" id")]
    return {trace["name"]: trace["line"]["color"] for trace in lines if trace["name"] != "ID"}
