"""How the parts of one sample are read and written."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from pages.samples.sections import choice_table, facts_table, parse_object, sample_json


def test_choices_get_their_share_and_an_impossible_one_gets_none() -> None:
    table = choice_table([math.log(0.2), math.log(0.6), -math.inf])
    assert table["share among the choices"].tolist() == pytest.approx([0.25, 0.75, 0.0])
    assert choice_table([-math.inf, -math.inf])["share among the choices"].isna().all()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, {}),
        ("", {}),
        ('{"a": 1}', {"a": 1}),
        ("not json", {"text": "not json"}),
        ("[1]", {"text": [1]}),
    ],
)
def test_stored_metadata_of_any_kind_is_shown(text: str | None, value: dict[str, Any]) -> None:
    assert parse_object(text) == value


def test_facts_and_file_of_a_sample_hold_everything_that_is_known() -> None:
    sample = {
        "run_id": "r",
        "row_in_run": 1,
        "input": "in",
        "target": "t",
        "response": "re",
        "parsed_answer": None,
        "reason": None,
        "score": 0.5,
        "token_logprobs": [-1.0, -math.inf],
        "choice_logprobs": None,
        "metrics": '{"f1": 0.25}',
        "metadata": '{"note": "a\\nb"}',
        "epoch": None,
    }
    facts = facts_table(sample)
    assert facts.to_numpy().tolist() == [
        ["run_id", "r"],
        ["row_in_run", "1"],
        ["score", "0.5"],
        ["metrics: f1", "0.25"],
        ["metadata: note", "a\\nb"],
    ]
    saved = json.loads(sample_json(sample))
    assert saved["token_logprobs"] == [-1.0, None]
    assert saved["metadata"] == {"note": "a\nb"}
    assert saved["response"] == "re"
