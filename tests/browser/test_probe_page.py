"""The probe page in a real browser: a question, a batch whose status outlives a reload, a stop that
keeps what is done.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parents[2]
LONG_MS = 60_000

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(
    serve: Callable[..., str], demo_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the app on a copy of the demo store."""
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("probe") / "store")
    return serve(ROOT / "app.py", env={"CHARYBDIS_STORE": str(store)})


def test_a_link_names_the_instance_and_a_question_is_answered(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(
        f"{address}/probe?ref=demo:oracle:0:1&probe_task=two_sum&probe_split=ood&seed=7&number=3"
    )
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("read after 'answer is'")).to_be_visible(timeout=LONG_MS)
    expect(page.locator(".tokens")).to_contain_text("The answer is [")
    expect(page.get_by_text("is open on no model, answers are made up")).to_be_visible(
        timeout=LONG_MS
    )
    for word in ("ref=demo", "probe_task=two_sum", "probe_split=ood", "seed=7", "number=3"):
        assert word in page.url
    page.get_by_label("Instance", exact=True).fill("4")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing asked yet.")).to_be_visible(timeout=LONG_MS)


DISTANCES = """
window.distances = [];
const top = (key) => document.querySelector(`.st-key-${key} input`)?.getBoundingClientRect().top;
const look = () => {
  const distance = top("probe_level") - top("ref");
  if (!Number.isNaN(distance)) window.distances.push(Math.round(distance));
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""How far below the model's widget those of the instance stand, in every frame in which both are
there.
"""


def test_the_line_about_the_machine_pushes_nothing_away_when_it_comes(
    address: str, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(f"(() => {{{DISTANCES}}})()")
    page.goto(f"{address}/probe?ref=demo:echo")
    expect(page.get_by_text("No model is open.").or_(page.get_by_text("is open on"))).to_be_visible(
        timeout=LONG_MS
    )
    expect(page.get_by_text("Nothing asked yet.")).to_be_visible(timeout=LONG_MS)
    page.wait_for_function("window.distances.length > 30", timeout=LONG_MS)
    distances = page.evaluate("window.distances")
    page.close()
    assert max(distances) - min(distances) <= 2, distances


def test_a_batch_outlives_a_reload_and_leads_to_its_samples(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/probe?ref=demo:oracle:0.3:5&probe_view=Run+a+batch")
    page.get_by_label("Instances per task and split").fill("6")
    page.keyboard.press("Enter")
    expect(page.get_by_text("17 tasks × 2 splits × 6 = 204 samples")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text(re.compile(r"204 of 204 samples"))).to_be_visible(timeout=LONG_MS)
    page.locator(".charybdis-chart[data-draws]").wait_for(timeout=LONG_MS)
    page.reload()
    expect(page.get_by_text(re.compile(r"204 of 204 samples"))).to_be_visible(timeout=LONG_MS)
    page.locator(".charybdis-chart[data-draws]").wait_for(timeout=LONG_MS)
    page.get_by_role("link", name="Its samples").click()
    expect(page.get_by_text(re.compile(r"204 samples of demo"))).to_be_visible(timeout=LONG_MS)


def test_a_stopped_batch_keeps_what_is_done_and_goes_on(
    address: str, page_at: Callable[..., Page]
) -> None:
    page = page_at(f"{address}/probe?ref=demo:oracle:0.1:9&probe_view=Run+a+batch&seed=3")
    page.get_by_label("Instances per task and split").fill("3000")
    page.keyboard.press("Enter")
    expect(page.get_by_text("= 102,000 samples")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(
        page.get_by_text(re.compile(r"[1-9][\d,]* of 102,000 samples · [\d,.]+ samples per s"))
    ).to_be_visible(timeout=LONG_MS)
    page.get_by_test_id("stBaseButton-secondary").filter(has_text="Stop").click()
    expect(page.get_by_text("stopped; what is done is stored")).to_be_visible(timeout=LONG_MS)
    said = page.get_by_text(re.compile(r"[1-9][\d,]* of 102,000 samples")).inner_text()
    done = said.split(" of ")[0]
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text(f"({done} were there already)")).to_be_visible(timeout=LONG_MS)
    page.get_by_test_id("stBaseButton-secondary").filter(has_text="Stop").click()
    expect(page.get_by_text("stopped; what is done is stored")).to_be_visible(timeout=LONG_MS)


def test_a_shipped_ladder_model_answers_with_coloured_tokens(
    address: str, page_at: Callable[..., Page]
) -> None:
    pytest.importorskip("torch")
    page = page_at(
        f"{address}/probe?ref=ladder:ladder-20k-s0&probe_task=find_minimum&probe_split=id"
    )
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("read before $")).to_be_visible(timeout=LONG_MS)
    tokens = page.locator(".tokens span")
    expect(tokens.nth(1)).to_be_visible(timeout=LONG_MS)
    colours = {
        tokens.nth(place).evaluate("one => getComputedStyle(one).backgroundColor")
        for place in range(tokens.count())
    }
    assert colours - {"rgba(0, 0, 0, 0)"}
    expect(page.get_by_test_id("stBadge").or_(page.locator(".stMarkdownBadge")).first).to_have_text(
        re.compile("correct|wrong")
    )
    expect(page.get_by_text(re.compile(r"log p of the reference -?[\d.]+ nats"))).to_be_visible(
        timeout=LONG_MS
    )
    expect(
        page.get_by_text(re.compile(r"ladder-20k-s0 is open on CPU.*this process [\d.,]+ [MG]B"))
    ).to_be_visible(timeout=LONG_MS)
