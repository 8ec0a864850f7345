"""One question, one answer: a study's record from the shell, from the API and behind the page of
the same address, on what ships and on ordinary results, with every setting off its default once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import ui.kept
from analysis.text import plain_value
from api import mount
from cli import cli
from studies import STUDIES, Study
from studies.selection import SelectionWords
from studies.settings import settings_in
from tests.studies.conftest import PYTHIA

ROOT = Path(__file__).resolve().parents[2]
Words = dict[str, list[str]]

PAGES: dict[str, tuple[str, str]] = {
    "valley": ("valley", ""),
    "compare": ("compare", "Numbers"),
    "what-if": ("what_if", ""),
    "emergence": ("emergence", ""),
    "size": ("valley", "Critical level against size"),
    "likelihood": ("valley", "Answer probabilities"),
    "probe-tasks": ("valley", "Probe tasks"),
    "grading-effect": ("what_if", "Grading effect"),
}
"""Where each study is shown: page and view."""

LADDER = ["ladder-80k-s0", "ladder-300k-s0"]
RUNGS = [f"ladder-{size}-s0" for size in ("1k", "3k", "5k", "20k", "80k", "300k", "1M")]
SIZES = [f"pythia-{size}" for size in PYTHIA]

SHIPPED: dict[str, list[Words]] = {
    "valley": [
        {"models": LADDER},
        {"models": ["ladder-80k-s0", "Qwen1.5-7B"]},
        {"models": LADDER[:1], "resamples": ["300"]},
        {"models": LADDER[:1], "seed": ["3"]},
        {"models": LADDER[:1], "explain": ["true"]},
        {"models": LADDER[:1], "denominator": ["parsed_only"]},
        {"models": LADDER[:1], "ood": ["decade"]},
        {"models": LADDER[:1], "tasks": ["find_minimum", "sort_numbers", "two_sum"]},
    ],
    "compare": [
        {"models": LADDER},
        {"models": LADDER, "baseline": ["ladder-300k-s0"]},
        {"models": LADDER, "by": ["task"]},
        {"models": LADDER, "over": ["instances"]},
        {"models": LADDER, "resamples": ["500"]},
        {"models": LADDER, "seed": ["3"]},
        {"models": LADDER, "denominator": ["authors"]},
        {"models": ["Qwen1.5-7B", "Qwen1.5-14B"]},
    ],
    "what-if": [
        {"models": LADDER},
        {"models": LADDER, "metric": ["edit_distance"]},
        {"models": LADDER, "metric": ["token_accuracy>=0.8"]},
        {"models": LADDER, "rank_by": ["ood"]},
        {"models": LADDER, "averaging": ["tasks"]},
        {"models": LADDER, "order": ["level_means"]},
        {"models": LADDER, "penalty": ["0.5"]},
        {"models": LADDER, "weight": ["1", "2", "1", "0", "1"]},
        {"models": LADDER, "seed": ["3"]},
        {"models": LADDER, "conclusion": ["ladder-300k-s0 above ladder-80k-s0 ood at 2"]},
    ],
    "emergence": [
        {"models": RUNGS, "tasks": ["find_minimum"], "split": ["id"]},
        {"models": RUNGS, "metric": ["token_accuracy"]},
        {"models": RUNGS, "task": ["sort_numbers"]},
        {"models": RUNGS, "level": ["1"], "split": ["ood"]},
        {"models": RUNGS, "over": ["loss"], "split": ["id"]},
        {"models": RUNGS, "line": ["ladder"], "split": ["id"]},
        {"models": RUNGS, "checkpoints": ["every"], "split": ["id"]},
        {"models": RUNGS, "chance": ["0.1"], "split": ["id"]},
        {"models": RUNGS, "task": ["sort_numbers"], "split": ["id"], "against": ["answer_logprob"]},
    ],
    "size": [{}, {"source": ["samples"]}],
    "likelihood": [
        {"models": LADDER},
        {"models": LADDER, "seed": ["3"]},
        {"models": LADDER, "most_answers": ["10"]},
    ],
    "probe-tasks": [{"models": LADDER}, {"models": LADDER, "seed": ["3"]}],
    "grading-effect": [{}, {"n": ["4"]}, {"n": ["4"], "seed": ["3"]}],
}
ORDINARY: dict[str, list[Words]] = {
    "valley": [{"models": SIZES[:1]}],
    "compare": [{"models": SIZES[:2]}, {"models": SIZES[:2], "by": ["task"]}],
    "what-if": [
        {"models": SIZES[:2], "rank_by": ["all"]},
        {"models": SIZES[:2], "metric": ["choice_grade"], "rank_by": ["all"]},
    ],
    "emergence": [
        {"models": SIZES, "metric": ["accuracy"]},
        {"models": SIZES, "metric": ["exact_match"], "task": ["gsm8k"]},
        {
            "models": SIZES,
            "metric": ["exact_match"],
            "task": ["gsm8k"],
            "reading": ["5-shot, strict-match"],
        },
    ],
    "size": [{"models": SIZES}],
    "likelihood": [{"models": SIZES[:1]}],
    "probe-tasks": [{"models": SIZES[:1]}],
    "grading-effect": [{"n": ["4"]}],
}
CASES = [
    pytest.param(study, store, words, id=f"{study.name}-{store}-{urlencode(words, doseq=True)}")
    for store, asked in (("shipped_store", SHIPPED), ("lm_eval_store", ORDINARY))
    for study in STUDIES
    for words in asked[study.name]
]


@pytest.mark.parametrize(("study", "store", "words"), CASES)
def test_shell_api_and_page_give_one_record(
    study: Study, store: str, words: Words, request: pytest.FixtureRequest, page: Page
) -> None:
    folder = request.getfixturevalue(store)
    told = from_shell(study, folder, words)
    answered = from_api(study, folder, words)
    assert answered == told
    shown = page.record(study, folder, words)
    assert shown == told


@pytest.mark.parametrize("store", ["shipped_store", "lm_eval_store"])
def test_a_page_that_was_asked_for_nothing_says_in_its_address_what_it_shows(
    store: str, request: pytest.FixtureRequest, page: Page
) -> None:
    study = next(one for one in STUDIES if one.name == "emergence")
    folder = request.getfixturevalue(store)
    shown = page.record(study, folder, {})
    assert "task" in page.address
    assert from_api(study, folder, page.address) == shown


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_setting_is_tried_off_its_default(study: Study) -> None:
    tried = {name for words in [*SHIPPED[study.name], *ORDINARY[study.name]] for name in words}
    assert {one.name for one in settings_in(study.settings)} <= tried


def test_every_study_is_here() -> None:
    names = {study.name for study in STUDIES}
    assert names == set(PAGES) == set(SHIPPED) == set(ORDINARY)


WRONG = {
    "valley": ("resamples", "none", "whole numbers of 1 or more"),
    "compare": ("by", "moon", "level, task, overall"),
    "what-if": ("averaging", "moon", "levels, tasks, samples"),
    "emergence": ("over", "time", "parameters, FLOPs, tokens, step, loss"),
    "size": ("source", "moon", "published, samples"),
    "likelihood": ("most_answers", "-1", "whole numbers of 0 or more"),
    "probe-tasks": ("seed", "1.5", "whole numbers of 0 or more"),
    "grading-effect": ("n", "0", "whole numbers of 1 or more"),
}


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_word_that_is_not_possible_is_refused_in_one_sentence(
    study: Study, shipped_store: Path, page: Page
) -> None:
    name, word, allowed = WRONG[study.name]
    sentence = f"{name} {word!r} is not possible. Possible: {allowed}."
    words = {"models": LADDER, name: [word]}
    assert from_shell(study, shipped_store, words, status=2) == {"error": sentence}
    assert from_api(study, shipped_store, words, status=422) == {"error": sentence}
    assert sentence in page.texts(study, shipped_store, words)


def test_a_study_that_cannot_be_done_says_so_in_one_sentence(
    shipped_store: Path, page: Page
) -> None:
    study = next(one for one in STUDIES if one.name == "emergence")
    words = {"models": LADDER, "metric": ["moonshine"]}
    told = from_shell(study, shipped_store, words, status=2)["error"]
    assert told.startswith("metric 'moonshine' is not possible. Possible: accuracy, ")
    assert from_api(study, shipped_store, words, status=422) == {"error": told}
    assert told in page.texts(study, shipped_store, words)


# -- the three doors -------------------------------------------------------------------------------

_REPEATED = {"models": "--model", "tasks": "--task", "task": "--task"}


def from_shell(study: Study, store: Path, words: Words, *, status: int = 0) -> Any:
    """What `analyse NAME --json` prints."""
    flags = {one.name for one in settings_in(study.settings) if one.kind is bool}
    options = [
        option
        for name, values in words.items()
        for value in values
        for option in (
            [f"--{name}"]
            if name in flags
            else [_REPEATED.get(name, f"--{name.replace('_', '-')}"), value]
        )
    ]
    command = ["analyse", study.name, "--store", str(store), *options, "--json"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == status, done.output
    if status == 2:  # the shell as a program prints it as JSON too; the runner takes it apart
        return {"error": done.stderr.split("Error: ", 1)[1].strip()}
    return json.loads(done.stdout)


def from_api(study: Study, store: Path, words: Words, *, status: int = 200) -> Any:
    """What the API answers, without the store's version."""
    client = TestClient(Starlette(routes=[mount(store)]))
    answer = client.get(f"/api/v1/analyses/{study.name}", params=words)
    assert answer.status_code == status, answer.text
    found = answer.json()
    found.pop("store_version", None)
    return found


class Page:
    """The pages of the running app, opened by their addresses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._shown: dict[str, Any] = {}
        self.address: Words = {}
        original = ui.kept._small

        def watched(question: str, *rest: Any) -> Any:
            self._shown[question] = found = original(question, *rest)
            return found

        monkeypatch.setattr(ui.kept, "_small", watched)

    def record(self, study: Study, store: Path, words: Words) -> Any:
        """The record of the result that the page drew from."""
        self._open(study, store, words)
        name = f"{study.run.__module__}.{study.run.__qualname__}"
        assert name in self._shown, f"the page shows no result of {name}"
        record = self._shown[name].as_record()
        return msgspec.json.decode(msgspec.json.encode(record, enc_hook=plain_value))

    def texts(self, study: Study, store: Path, words: Words) -> str:
        """Everything that the page says, without Markdown's escapes."""
        app = self._open(study, store, words)
        kinds = ("markdown", "caption", "warning", "error", "info")
        return "\n".join(element.value for kind in kinds for element in getattr(app, kind)).replace(
            "\\", ""
        )

    def _open(self, study: Study, store: Path, words: Words) -> AppTest:
        from ui.settings import settings

        self._shown.clear()
        self._monkeypatch.setenv("CHARYBDIS_STORE", str(store))
        settings.cache_clear()
        name, view = PAGES[study.name]
        if "conclusion" in words:
            view = "Every metric"
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        for key, values in words.items():
            app.query_params[key] = values
        if view:
            app.query_params["view"] = view
        app.run()
        app.switch_page(f"pages/{name}/page.py").run()
        assert not app.exception, app.exception
        said = {name: app.query_params[name] for name in app.query_params}
        self.address = {
            name: values if isinstance(values, list) else [values] for name, values in said.items()
        }
        return app


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """The running app; what its pages show is watched."""
    from ui.settings import settings

    yield Page(monkeypatch)
    settings.cache_clear()


def test_the_words_of_a_selection_are_the_same_in_all_doors() -> None:
    assert {one.name for one in settings_in(SelectionWords)} == {
        "models",
        "tasks",
        "scheme",
        "denominator",
        "ood",
    }
