"""Bringing results in through a real browser: files dropped, a table's mapping confirmed, a run
saved and removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(
    serve: Callable[..., str], demo_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the app on a copy of the demo store."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("runs") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


def own_file(path: Path, run_id: str) -> Path:
    lines = [{"kind": "run", "run_id": run_id, "model_raw": f"model-{run_id}", "format": "probe"}]
    lines += [
        {
            "kind": "sample",
            "run_id": run_id,
            "task": "two_sum",
            "instance_id": f"{i}",
            "outcome": "correct",
        }
        for i in range(3)
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path


def drop(page: Page, *files: Path) -> None:
    """Give files to the uploader that stands on the page."""
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(
        [str(file) for file in files]
    )


def test_files_dropped_on_the_overview_come_in_and_the_foreign_one_is_listed(
    address: str, page_at: Callable[..., Page], tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("nothing to see")
    page = page_at(address)
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=30_000)
    drop(page, own_file(tmp_path / "dropped.jsonl", "dropped"), notes)
    expect(
        page.get_by_text("Imported 1 run and 3 samples from 1 source; 1 file left alone.")
    ).to_be_visible(timeout=30_000)
    page.goto(f"{address}/runs?run=dropped")
    expect(page.get_by_text("3 samples (3 correct), 0 scores")).to_be_visible(timeout=30_000)


def test_dropped_samples_without_their_results_file_wait_for_the_name_of_their_model(
    address: str, page_at: Callable[..., Page], tmp_path: Path
) -> None:
    samples = tmp_path / "samples_sums_2026-01-02T03-04-05.678901.jsonl"
    row = {
        "doc_id": 0,
        "doc": {},
        "target": "2",
        "arguments": [["1+1=", {}]],
        "resps": [["2"]],
        "filtered_resps": ["2"],
    }
    samples.write_text(
        json.dumps({**row, "filter": "none", "metrics": ["exact_match"], "exact_match": 1.0}) + "\n"
    )
    page = page_at(address)
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=30_000)
    drop(page, samples)
    box = page.get_by_role("textbox", name="Which model gave the answers in")
    expect(box).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Import 1 source")).to_be_disabled()
    box.fill("org/lonely")
    box.press("Enter")
    page.get_by_role("button", name="Import 1 source").click()
    expect(page.get_by_text("Imported 1 run and 1 sample from 1 source.")).to_be_visible(
        timeout=30_000
    )
    page.goto(f"{address}/runs?model=org/lonely")
    expect(page.get_by_text("which this store does not have")).to_have_count(0)


def test_click_on_a_bar_of_the_overview_opens_those_samples(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(address)
    chart = page.locator(".charybdis-chart[data-draws]").first
    chart.wait_for(timeout=30_000)
    chart.evaluate(
        "node => node.emit('plotly_click', {points: [{customdata: {model: 'demo-large', outcome:"
        " 'unparsed'}}]})"
    )
    page.wait_for_url("**/samples?**", timeout=15_000)
    expect(page.get_by_text("60 samples of demo-large: unparsed.")).to_be_visible(timeout=15_000)


def test_dropped_table_waits_until_its_mapping_is_confirmed(
    address: str, page_at: Callable[..., Page], tmp_path: Path
) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(
        "model,task,metric,value,n\ntable-model,arc,acc,25.5,100\ntable-model,mmlu,acc,50.5,100\n"
    )
    page = page_at(f"{address}/runs?view=Import")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=30_000)
    drop(page, table)
    expect(page.get_by_text("Is this how the table is to be read?")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The numbers alone do not tell these scales.")).to_be_visible()
    page.get_by_role("button", name="Import 1 source").click()
    expect(page.get_by_text("Imported 1 run and 2 scores from 1 source.")).to_be_visible(
        timeout=30_000
    )


def test_run_is_saved_and_removed(
    address: str, page_at: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_at(f"{address}/runs?view=Import")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=30_000)
    drop(page, own_file(tmp_path / "short-lived.jsonl", "short-lived"))
    expect(page.get_by_text("Imported 1 run and 3 samples from 1 source.")).to_be_visible(
        timeout=30_000
    )
    page.goto(f"{address}/runs?run=short-lived")
    with page.expect_download(timeout=30_000) as waiting:
        page.get_by_role("button", name="Save as JSONL").click()
    waiting.value.save_as(tmp_path / "saved.jsonl")
    assert len((tmp_path / "saved.jsonl").read_text().splitlines()) == 4
    page.get_by_role("button", name="Remove this run").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Run short-lived of model-short-lived was removed.")).to_be_visible(
        timeout=30_000
    )
    assert "run=" not in page.url


def test_removing_a_ticked_run_does_not_open_the_next_one(
    address: str, page_at: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_at(f"{address}/runs?view=Import")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=30_000)
    drop(page, own_file(tmp_path / "ticked.jsonl", "ticked"))
    expect(page.get_by_text("Imported 1 run and 3 samples from 1 source.")).to_be_visible(
        timeout=30_000
    )
    page.goto(f"{address}/runs")
    rows = page.get_by_test_id("stDataFrame").first
    rows.locator("canvas").first.wait_for(timeout=30_000)
    rows.click(position={"x": 17, "y": 50})
    page.wait_for_url("**run=ticked**", timeout=15_000)
    page.get_by_role("button", name="Remove this run").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Run ticked of model-ticked was removed.")).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_text("Select a row to see a run in full")).to_be_visible(timeout=15_000)
    assert "run=" not in page.url
