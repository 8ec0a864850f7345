"""The emergence page: its sentence, controls, tabs, unknown words of a link, an empty store; and
the same numbers from the shell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from data.bootstrap import open_store
from data.records import Outcome, RunInfo, ScoredSample, Split
from data.writer import writing

ROOT = Path(__file__).resolve().parents[2]
OpenApp = Callable[[Path], AppTest]
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
CORRECT = (0, 0, 0, 1, 37, 39, 40, 40)
"""Right answers of 40 by size: a jump of exact match."""


@pytest.fixture(scope="session")
def sized_store(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Store with eight sizes of one family on one task: exact match jumps, the log-probability is a
    power of the size.
    """
    return made_once("sized", make_sized_store)


def make_sized_store(folder: Path) -> None:
    store = open_store(folder, empty=True)
    with writing(store) as writer:
        for size, right in zip(SIZES, CORRECT, strict=True):
            writer.add_run(
                RunInfo(
                    run_id=f"run-{size}",
                    model_raw=f"sized-{size}",
                    format="probe",
                    benchmark="scylla",
                    level_scheme="scylla",
                    id_source="ladder",
                    n_params=size,
                    train_tokens=1e6,
                    metadata={"family": "sized", "answer_loss": 3 - 0.3 * np.log10(size)},
                )
            )
            middle = -60 * (size / 1e3) ** -0.6
            writer.add_samples(
                [
                    ScoredSample(
                        run_id=f"run-{size}",
                        task="sort_numbers",
                        instance_id=str(place),
                        split=Split.ID,
                        outcome=Outcome.CORRECT if place < right else Outcome.WRONG,
                        score=float(place < right),
                        input="[2, 1]",
                        target="1 2",
                        response="1 2" if place < right else "1 1",
                        answer_logprob=middle * (0.9 + 0.005 * place),
                    )
                    for place in range(40)
                ]
            )
    store.close()


def emergence(open_app: OpenApp, store: Path, **query: str) -> AppTest:
    app = open_app(store).run()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/emergence/page.py").run()


def texts(app: AppTest) -> str:
    parts = [
        element.value
        for kind in ("markdown", "caption", "info", "warning", "error")
        for element in getattr(app, kind)
    ]
    return "\n".join(parts).replace("\\", "")


def test_the_sentence_says_how_far_it_rises_and_whose_jump_it_is(
    open_app: OpenApp, sized_store: Path
) -> None:
    app = emergence(open_app, sized_store)
    assert not app.exception
    said = texts(app)
    assert (
        "Accuracy (exact match) on sort_numbers ID rises from 0.0 % to 100.0 % between 1k and 3M"
        " parameters" in said
    )
    assert "smooth under answer log-probability" in said and "the jump may be the metric's." in said
    assert "n = 8 points at 8 scales, 320 answers" in said
    for part in ("Estimator:", "Intervals: 95 % Wilson", "Denominator:"):
        assert part in said


def test_a_law_that_cannot_be_fitted_is_said_once_and_draws_nothing(
    open_app: OpenApp, sized_store: Path
) -> None:
    app = emergence(open_app, sized_store, view="Pass until")
    said = texts(app)
    assert ("No task scaling law" in said) != ("Concave F" in said)


@pytest.mark.parametrize("tab", ["Mirage", "Pass until", "Loss threshold", "Numbers"])
def test_every_view_stands_in_the_link(open_app: OpenApp, sized_store: Path, tab: str) -> None:
    app = emergence(open_app, sized_store, view=tab)
    assert not app.exception and not app.error
    assert app.segmented_control(key="view").value == tab


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("over", "FLOPs"),
        ("over", "loss"),
        ("metric", "answer_logprob"),
        ("metric", "token_accuracy"),
        ("about", "level 2"),
        ("split", "both"),
    ],
)
def test_every_control_can_be_moved(
    open_app: OpenApp, sized_store: Path, key: str, value: str
) -> None:
    app = emergence(open_app, sized_store)
    app.selectbox(key=key).set_value(value).run()
    assert not app.exception and not app.error


def test_steps_that_no_run_has_are_an_empty_state(open_app: OpenApp, sized_store: Path) -> None:
    assert "No run has this score over this scale." in texts(
        emergence(open_app, sized_store, over="step")
    )


def test_unknown_words_of_a_link_are_said_and_ignored(open_app: OpenApp, sized_store: Path) -> None:
    app = emergence(open_app, sized_store, task="nonsense")
    assert not app.exception
    assert "task 'nonsense' is not possible. Possible: sort_numbers, level 1, " in texts(app)


def test_an_empty_store_and_one_without_sizes_say_what_to_do(
    open_app: OpenApp, empty_store: Path, odd_store: Path
) -> None:
    assert "The store holds no results yet." in texts(emergence(open_app, empty_store))
    odd = emergence(open_app, odd_store)
    assert not odd.exception
    assert "No run has this score over this scale." in texts(odd)


def shell(*words: str, store: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(ROOT / "cli.py"),
        "analyse",
        "emergence",
        *words,
        "--store",
        str(store),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_shell_gives_the_same_numbers(sized_store: Path) -> None:
    told = shell(
        "--task",
        "sort_numbers",
        "--split",
        "id",
        "--against",
        "answer_logprob",
        "--json",
        store=sized_store,
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["mirage"]["verdict"] == "the metric's"
    assert [row["y"] for row in found["series"]["points"]] == [right / 40 for right in CORRECT]
    assert found["series"]["points"][0]["upper_if_zero"] == pytest.approx(1 - 0.05 ** (1 / 40))
    assert {fit["form"] for fit in found["fits"]} == {
        "linear",
        "power",
        "logistic",
        "hinge",
        "broken power",
    }


def test_the_shell_says_which_scales_there_are(sized_store: Path) -> None:
    told = shell("--over", "colour", store=sized_store)
    assert told.returncode != 0
    assert (
        "over 'colour' is not possible. Possible: parameters, FLOPs, tokens, step, loss."
        in " ".join((told.stdout + told.stderr).split())
    )


def test_chance_is_that_of_the_runs_drawn(open_app: OpenApp, sized_store: Path) -> None:
    """These runs have the ladder's lists of 4 to 6 numbers: a random order is right in (1/4! + 1/5!
    + 1/6!) / 3 = 1.7 %, not in .4 %.
    """
    app = emergence(open_app, sized_store, task="sort_numbers")
    assert next(box for box in app.number_input if box.label == "Chance").placeholder == "0.017"
