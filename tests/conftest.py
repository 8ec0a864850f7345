"""Fixtures for every test: where the shared reference material lies, and stores to look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from data.bootstrap import open_store
from data.importing import discover, import_sources
from data.records import Outcome, RunInfo, ScoredSample, Split
from data.views import save_view
from data.writer import writing

pytest_plugins = ["tests.browser_fixtures", "tests.browser_reruns", "tests.stand_in_server"]

ROOT = Path(__file__).resolve().parent.parent
MadeOnce = Callable[[str, Callable[[Path], None]], Path]

DEMO_TASKS = (
    ("find_minimum", "find_maximum", "find_mode"),
    ("find_topk", "two_sum", "sort_numbers"),
    ("three_sum", "three_sum_in_range", "three_sum_multiple_ten"),
    ("four_sum", "four_sum_in_range", "four_sum_multiple_ten"),
    ("subset_sum", "subset_sum_in_range", "tsp"),
)
"""Tasks of SCYLLA's levels 1 to 5 that the demo runs answer."""
DEMO_CORRECT = {
    "demo-small": {Split.ID: (36, 24, 16, 8, 4), Split.OOD: (32, 14, 12, 6, 4)},
    "demo-large": {Split.ID: (37, 36, 30, 22, 10), Split.OOD: (37, 34, 26, 10, 6)},
}
"""Right answers of 40 per task, by model, split and level; task number t of a level has t fewer
(never below 0).
"""
DEMO_N, DEMO_UNPARSED, DEMO_ERRORS = 40, 2, 1
"""Answers per task and split, of which so many are unparsed and so many ended in an error."""
HOSTILE = (
    "<img src=x onerror=alert(1)> [click](http://example.com) $\\frac{1}{0}$ **bold**"
    " </script>\u202egnp"
)
"""A response that would do harm if it were ever read as HTML or Markdown."""

RAN = "window.ran=1"
"""What hostile text would do if it were ever run."""
HOSTILE_NAMES = (
    f"<script>{RAN}</script>",
    f"</script></title><img src=x onerror={RAN}>",
    f"$x^2$ **bold** [link](javascript:{RAN}) :material/home: `code` | pipe",
    "\x1b[31mred\x1b[0m \u202egnp.exe\u2028end",
    "=cmd|'/c calc'!A1",
    "\\input{/etc/passwd} & 50% #1 ~ ^ {",
    "long " + "x" * 295,
)
"""Names of models, tasks and runs that act somewhere: HTML, Markdown, a terminal, a spreadsheet,
LaTeX.
"""
LONG_LINE = f"<img src=x onerror={RAN}>" + "y" * 5_000_000


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference values, fixtures and large tables, beside the project's root; tests
    that need it are skipped without it.
    """
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"reference material is absent: no folder {folder.name}/ beside the project")
    return folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Call it with a name and a function that makes a store in a folder: the folder of a store that
    is made once in the whole run, and copied for each process that runs tests.
    """
    of_the_run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_the_run = of_the_run.parent

    def copy_of(name: str, make: Callable[[Path], None]) -> Path:
        made = of_the_run / f"made-{name}"
        with FileLock(f"{made}.lock"):
            if not made.exists():
                unfinished = tmp_path_factory.mktemp(name) / "unfinished"
                make(unfinished)
                unfinished.rename(made)
        return Path(shutil.copytree(made, tmp_path_factory.mktemp(name) / "store"))

    return copy_of


@pytest.fixture(scope="session")
def demo_store(made_once: MadeOnce) -> Path:
    """Store with the published figures and the samples of two models with known counts. Shared by
    all tests: copy it before writing.
    """
    return made_once("demo", make_demo_store)


def make_demo_store(folder: Path) -> None:
    store = open_store(folder, empty=True)
    # Not with the ladder, whose numbers change whenever it is trained anew.
    list(import_sources(store, discover([ROOT / "data" / "published"]).sources))
    with writing(store) as writer:
        for model, correct in DEMO_CORRECT.items():
            run_id = f"run-{model}"
            writer.add_run(
                RunInfo(
                    run_id=run_id,
                    model_raw=model,
                    format="probe",
                    benchmark="scylla",
                    level_scheme="scylla",
                    id_source="ladder",
                )
            )
            for level, tasks in enumerate(DEMO_TASKS):
                for place, task in enumerate(tasks):
                    for split, counts in correct.items():
                        writer.add_samples(
                            demo_samples(run_id, task, split, max(0, counts[level] - place))
                        )
    store.close()


def demo_samples(run_id: str, task: str, split: Split, n_correct: int) -> list[ScoredSample]:
    outcomes = [Outcome.CORRECT] * n_correct + [Outcome.WRONG] * (
        DEMO_N - DEMO_UNPARSED - DEMO_ERRORS - n_correct
    )
    outcomes += [Outcome.UNPARSED] * DEMO_UNPARSED + [Outcome.ERROR] * DEMO_ERRORS
    return [
        ScoredSample(
            run_id=run_id,
            task=task,
            instance_id=f"{task}-{split}-{place}",
            split=split,
            outcome=outcome,
            score=None if outcome is Outcome.ERROR else float(outcome is Outcome.CORRECT),
            input=f"Question {place} of {task}: [3, 1, {place}]",
            target="1",
            response=HOSTILE if outcome is Outcome.UNPARSED else f"The answer is {place}.",
            parsed_answer=None if outcome in (Outcome.UNPARSED, Outcome.ERROR) else str(place),
            reason="no number found" if outcome is Outcome.UNPARSED else None,
            answer_logprob=-0.1 * place,
            n_output_tokens=5 + place,
            duration_s=0.2,
        )
        for place, outcome in enumerate(outcomes)
    ]


@pytest.fixture(scope="session")
def empty_store(made_once: MadeOnce) -> Path:
    """Store with the catalog and no results."""
    return made_once("empty", lambda folder: open_store(folder, empty=True).close())


@pytest.fixture(scope="session")
def odd_store(made_once: MadeOnce) -> Path:
    """Store with one run of one task in one split, whose names look like markup."""
    return made_once("odd", make_odd_store)


def make_odd_store(folder: Path) -> None:
    store = open_store(folder, empty=True)
    with writing(store) as writer:
        writer.add_run(
            RunInfo(
                run_id="run-odd",
                model_raw="odd/[model]*$x$<b>",
                format="probe",
                level_scheme="scylla",
            )
        )
        writer.add_samples(demo_samples("run-odd", "find_minimum", Split.ID, 30))
    store.close()


@pytest.fixture(scope="session")
def hostile_store(made_once: MadeOnce) -> Path:
    """Store in which every name and every answer would do harm if it were read as anything but
    text. Copy it before writing.
    """
    return made_once("hostile", make_hostile_store)


def make_hostile_store(folder: Path) -> None:
    store = open_store(folder, empty=True)
    with writing(store) as writer:
        for place, name in enumerate(HOSTILE_NAMES):
            run_id = f"run {name}"
            writer.add_run(
                RunInfo(
                    run_id=run_id,
                    model_raw=name,
                    format="probe",
                    benchmark=name,
                    level_scheme="scylla",
                    id_source="ladder",
                    n_params=10 ** (3 + place),
                    harness=name,
                    source_path=f"/tmp/{name}",
                    warnings=(name,),
                )
            )
            for level, tasks in enumerate(DEMO_TASKS):
                for task in (*tasks, f"{name} task"):
                    for split in Split:
                        samples = demo_samples(run_id, task, split, max(0, 30 - 5 * level - place))
                        writer.add_samples(
                            [
                                replace(one, response=name, input=name, target=name, reason=name)
                                for one in samples
                            ]
                        )
        one = demo_samples(f"run {HOSTILE_NAMES[0]}", "find_minimum", Split.ID, 0)[0]
        writer.add_samples([replace(one, instance_id="long", response=LONG_LINE)])
    save_view(
        store,
        name=HOSTILE_NAMES[1][:80],
        page="valley",
        query=urlencode([("models", HOSTILE_NAMES[0])]),
    )
    store.close()


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], AppTest]]:
    """Call it with a store's folder: the whole app under Streamlit's test harness, not yet run."""
    from ui.settings import settings

    def start(store_folder: Path) -> AppTest:
        monkeypatch.setenv("CHARYBDIS_STORE", str(store_folder))
        settings.cache_clear()
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)

    yield start
    settings.cache_clear()
