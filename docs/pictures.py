"""Take the README's pictures from the real app: every page at 1280x800, light and dark. `make pictures` runs this.

The store behind them holds the shipped sources and answers of two made-up models, so that the samples page has something to show.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from random import Random

from playwright.sync_api import Browser, sync_playwright

from data.bootstrap import open_store
from data.catalog import read_catalog
from data.records import SCYLLA_SCHEME, Outcome, RunInfo, ScoredSample, Split
from data.writer import writing
from tests.browser_fixtures import CHROMIUM_FLAGS, ROOT, find_chromium, start_app, stop_app

FOLDER = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
MODELS = {"example-small": 0.6, "example-large": 2.6}
"""Log-odds of a right answer at level 1 on ID instances."""
PAGES = {
    "overview": "",
    "valley": "valley?models=example-small&models=example-large&models=Qwen1.5-7B",
    "samples": "samples?models=example-large&outcome=wrong",
    "probe": "probe?ref=ladder:ladder-20k-s0&probe_task=sort_numbers&probe_split=id",
    "runs": "runs",
}
N_PER_SPLIT = 64


def fill(folder: Path) -> None:
    """Make the store: shipped sources, and answers of the two models to every anchor task of SCYLLA's levels."""
    placed = read_catalog().task_levels
    anchors = placed[(placed["scheme"] == SCYLLA_SCHEME) & (placed["role"] == "anchor")]
    store = open_store(folder)
    with writing(store) as writer:
        for model, skill in MODELS.items():
            run = RunInfo(
                run_id=f"run-{model}", model_raw=model, format="probe", benchmark="scylla", level_scheme=SCYLLA_SCHEME, id_source="range"
            )
            writer.add_run(run)
            for task, level in zip(anchors["task"], anchors["level"], strict=True):
                for split in Split:
                    p_correct = 1 / (1 + 2.718 ** (-skill + 0.9 * (int(level) - 1) + 0.7 * (split is Split.OOD)))
                    writer.add_samples(_answers(run.run_id, task, split, p_correct))
    store.close()


def _answers(run_id: str, task: str, split: Split, p_correct: float) -> list[ScoredSample]:
    draw = Random(f"{run_id} {task} {split}")
    answers = []
    for place in range(N_PER_SPLIT):
        numbers = [draw.randint(1, 99) if split is Split.ID else draw.randint(1_000, 9_999) for _ in range(8)]
        target = min(numbers)
        parsed = target if draw.random() < p_correct else draw.choice(numbers)
        is_read = draw.random() > 0.03
        outcome = Outcome.UNPARSED if not is_read else Outcome.CORRECT if parsed == target else Outcome.WRONG
        answers.append(
            ScoredSample(
                run_id=run_id,
                task=task,
                instance_id=f"{task}-{split}-{place:03}",
                split=split,
                outcome=outcome,
                score=float(outcome is Outcome.CORRECT),
                input=f"{task.replace('_', ' ').capitalize()}. Here is the list: {numbers}. Answer with one number.",
                target=str(target),
                response=f"Looking through the list, the answer is {parsed}." if is_read else "I would rather explain what a list is.",
                parsed_answer=str(parsed) if is_read else None,
                reason=None if is_read else "no number found",
                answer_logprob=-draw.expovariate(0.5),
                n_output_tokens=draw.randint(6, 40),
                duration_s=round(draw.uniform(0.2, 1.5), 3),
            )
        )
    return answers


def take(browser: Browser, url: str) -> None:
    """One picture of every page in both colour schemes."""
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=SIZE, color_scheme=scheme)
        for name, address in PAGES.items():
            page = context.new_page()
            page.goto(f"{url}/{address}")
            page.get_by_role("heading", level=1).wait_for()
            page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
            if name == "valley":
                page.locator(".js-plotly-plot .main-svg").first.wait_for()
            if name == "probe":
                page.get_by_role("button", name="Ask").click()
                page.get_by_text("log p of the reference").wait_for(timeout=120_000)
                page.locator(".js-plotly-plot .main-svg").first.wait_for()
            page.wait_for_timeout(1500)  # until tables and charts have grown to their size
            page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
            sys.stdout.write(f"{name}-{scheme}.png\n")
            page.close()
        context.close()


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("Pictures need a Chromium, and none was found. Install one, or name it in CHARYBDIS_CHROMIUM.")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary) / "store"
        fill(store)
        process, url = start_app(ROOT / "app.py", env=os.environ | {"CHARYBDIS_STORE": str(store)}, log=Path(temporary) / "server.log")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
                take(browser, url)
                browser.close()
        finally:
            stop_app(process)


if __name__ == "__main__":
    main()
