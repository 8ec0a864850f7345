"""Chance levels run by run: the ladder's lists are shorter than SCYLLA's, and are not corrected by
SCYLLA's chance.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.bootstrap import open_store
from data.queries import fetch_chance, fetch_choice_chance
from data.records import Outcome, RunInfo, ScoredSample, Split
from data.writer import writing

RUNS = {
    "none": {},
    "range": {"id_source": "range"},
    "elicited": {"id_source": "elicited"},
    "ladder": {"id_source": "ladder"},
    "shipped": {"id_source": "ladder", "metadata": {"ood_kind": "decade"}},
    "kind": {"id_source": "ladder:decade"},
    "longer": {"id_source": "ladder:length"},
    "shipped longer": {"id_source": "ladder", "metadata": {"ood_kind": "length"}},
}


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    store = open_store(Path(tmp_path_factory.mktemp("chance")) / "store", empty=True)
    with writing(store) as writer:
        for run_id, facts in RUNS.items():
            writer.add_run(RunInfo(run_id=run_id, model_raw=run_id, format="test", **facts))  # type: ignore[arg-type]
            writer.add_samples(
                [
                    ScoredSample(
                        run_id=run_id,
                        task=task,
                        instance_id=f"{split}",
                        split=split,
                        outcome=Outcome.WRONG,
                    )
                    for task in ("find_minimum", "tsp", "unknown")
                    for split in Split
                ]
            )
    found = fetch_chance(store)
    store.close()
    return found


@pytest.mark.parametrize("run_id", ["none", "range", "elicited"])
def test_other_runs_have_the_catalogs_chance(
    levels: dict[tuple[str, str], float], run_id: str
) -> None:
    assert levels[run_id, "find_minimum"] == 0.121 and levels[run_id, "tsp"] == 0.062


@pytest.mark.parametrize("run_id", ["ladder", "shipped", "kind"])
def test_runs_on_the_ladders_elements_have_its_own(
    levels: dict[tuple[str, str], float], run_id: str
) -> None:
    """Lists of 4, 5 and 6 numbers: one of each number, so about (1/4 + 1/5 + 1/6) / 3 = .206. It
    does not ask TSP.
    """
    assert levels[run_id, "find_minimum"] == pytest.approx((1 / 4 + 1 / 5 + 1 / 6) / 3, abs=0.005)
    assert (run_id, "tsp") not in levels


def test_nothing_is_known_where_ood_lists_are_longer_or_the_task_is_not_ours(
    levels: dict[tuple[str, str], float],
) -> None:
    assert not [pair for pair in levels if pair[0].endswith("longer") or pair[1] == "unknown"]
    assert len(levels) == 3 * 2 + 3


def answer(
    run_id: str, place: int, outcome: Outcome = Outcome.WRONG, **fields: Any
) -> ScoredSample:
    return ScoredSample(
        run_id=run_id, task="quiz", instance_id=str(place), outcome=outcome, **fields
    )


def test_chance_follows_from_the_choices_where_every_answer_has_them(tmp_path: Path) -> None:
    four, five = (tuple([-1.0] * n) for n in (4, 5))
    runs = {
        "log-probabilities": [
            answer("", 0, choice_logprobs=four),
            answer("", 1, choice_logprobs=five),
        ],
        "texts": [
            answer("", 0, metadata={"choices": ["a", "b"]}),
            answer("", 1, metadata={"choices": ["a", "b", "c"]}),
        ],
        "a failed one": [answer("", 0, choice_logprobs=four), answer("", 1, Outcome.ERROR)],
        "one without": [answer("", 0, choice_logprobs=four), answer("", 1)],
        "one choice": [answer("", 0, metadata={"choices": ["a"]})],
        "none": [answer("", 0)],
    }
    store = open_store(tmp_path / "store", empty=True)
    with writing(store) as writer:
        for run_id, samples in runs.items():
            writer.add_run(RunInfo(run_id=run_id, model_raw=run_id, format="test"))
            writer.add_samples([replace(sample, run_id=run_id) for sample in samples])
        writer.add_run(RunInfo(run_id="catalog", model_raw="catalog", format="test"))
        writer.add_samples(
            [replace(answer("catalog", 0, choice_logprobs=four), task="find_minimum")]
        )
    derived, known = fetch_choice_chance(store), fetch_chance(store)
    store.close()
    assert derived == {
        ("log-probabilities", "quiz"): pytest.approx((1 / 4 + 1 / 5) / 2),
        ("texts", "quiz"): pytest.approx((1 / 2 + 1 / 3) / 2),
        ("a failed one", "quiz"): 0.25,
    }
    assert known == {
        **derived,
        ("catalog", "find_minimum"): 0.121,
    }  # what the catalog states comes first
