"""The guess of what columns mean: plain values, made from the head alone, with the questions it
leaves.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.importers.table.headers import ROLES, normalised
from data.importers.table.mapping import corrected, direction_of, guess_mapping, scale_of
from data.importers.table.reading import TableHead, head_of_text, read_head
from data.records import ImportFormatError


def _guess(text: str) -> dict[str, object]:
    return guess_mapping(head_of_text(text.encode())).as_json()


def test_a_guess_is_plain_values_and_the_same_each_time(shared: Path) -> None:
    head = read_head(shared / "fixtures" / "csv" / "selfmade" / "long_semicolon_decimal_comma.csv")
    guess = guess_mapping(head)
    assert json.loads(json.dumps(guess.as_json())) == guess.as_json()
    assert guess == guess_mapping(head)
    assert (guess.shape, guess.separator, guess.decimal_comma, guess.scales) == (
        "long",
        ";",
        True,
        {"accuracy": "0-1"},
    )
    assert guess.roles["complexity"] == "level_label"


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("#Params (B)", "params_b"),
        ("Model Size (B)", "params_b"),
        ("Parameters (b)", "params_b"),
        (" Tokens (T)", "tokens_t"),
        ("Pretraining Data Size (T)", "tokens_t"),
        ("Precision", "dtype"),
        ("Model sha", "checkpoint"),
        ("Submission Date", "date"),
        ("num_fewshot", "n_shot"),
        ("MoE", "untrusted"),
        ("Hub ❤️", "metadata"),
        ("T", "metadata"),
        ("Average ⬆️", "benchmark_value"),
    ],
)
def test_headers_are_known_in_many_spellings(header: str, role: str) -> None:
    roles = guess_mapping(
        TableHead(("Model", header, "BBH"), (("a", "7", "0.5"), ("b", "8", "0.25")), ",")
    ).roles
    assert roles[header] == role


def test_the_plain_name_is_the_model_where_a_link_stands_beside_it() -> None:
    roles = _guess("Model,fullname,BBH\n<a href=x>y</a>,org/y,0.5\n")["roles"]
    assert roles == {"Model": "metadata", "fullname": "model", "BBH": "benchmark_value"}


def test_an_index_column_is_told_from_a_benchmark() -> None:
    roles = _guess(",model,MMLU\n0,a,0.5\n1,b,0.25\n")["roles"]
    assert roles == {"Unnamed: 0": "index", "model": "model", "MMLU": "benchmark_value"}


def test_a_split_of_another_kind_is_a_subset() -> None:
    text = "model,task,split,value\na,t,{},0.5\n"
    assert _guess(text.format("ood"))["roles"]["split"] == "split"
    assert _guess(text.format("validation"))["roles"]["split"] == "subset"


def test_parameters_without_a_unit_are_billions_when_they_are_few() -> None:
    assert _guess("model,params,MMLU\na,7,0.5\n")["roles"]["params"] == "params_b"
    assert _guess("model,params,MMLU\na,7000000000,0.5\n")["roles"]["params"] == "params"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("0,97", "0,5"), True),
        (("1,234", "12,500"), False),
        (("0,97", "0.5"), False),
        (("1,5%", "20,25%"), True),
        (("12", "13"), False),
    ],
)
def test_decimal_commas_are_told_from_thousands(cells: tuple[str, str], expected: bool) -> None:
    head = TableHead(("model", "BBH", "MMLU"), tuple(("a", "1", cell) for cell in cells), ";")
    assert guess_mapping(head).decimal_comma is expected


@pytest.mark.parametrize(
    ("name", "low", "high", "scale", "asks"),
    [
        ("MMLU", 0.2, 0.9, "0-1", False),
        ("MMLU", 20, 90, "0-100", True),
        ("MMLU", 0.2, 1.2, "raw", True),
        ("MMLU", 5, 800, "raw", True),
        ("MMLU", -0.1, 0.5, "raw", True),
        ("x_3_acc,norm", 0.0, 0.5, "raw", False),
        ("word_perplexity", 11, 76, "raw", False),
        ("Arena-Elo", 900, 1200, "raw", False),
        ("MMLU", float("nan"), float("nan"), "raw", False),
    ],
)
def test_a_scale_follows_from_the_range_and_asks_where_it_cannot(
    name: str, low: float, high: float, scale: str, asks: bool
) -> None:
    found, question = scale_of(name, low, high, is_percent=False)
    assert (found, question is not None) == (scale, asks)
    assert scale_of(name, low, high, is_percent=True) == ("0-100", None)


def test_the_direction_is_known_where_the_name_tells() -> None:
    assert [
        direction_of(name) for name in ("acc_norm", "ppl", "likelihood_difference", "bits_per_byte")
    ] == [True, False, None, False]


def test_corrections_change_what_they_name_and_nothing_else() -> None:
    head = head_of_text(b"model,variant,task,value\na,x,t,0.5\n")
    guess = guess_mapping(head)
    assert "variant" in guess.questions
    changed = corrected(guess, {"roles": {"variant": "variant"}}, head)
    assert changed.roles == {**guess.roles, "variant": "variant"}
    assert changed.header_hash == guess.header_hash


def test_every_role_of_a_guess_is_explained() -> None:
    for text in (
        "model,task,value,n,split\na,b,1,2,id\n",
        "model,MMLU\na,1\n",
        "model,task,sample_id,correct,prompt,answer,gold\na,b,1,1,x,y,z\n",
    ):
        assert set(_guess(text)["roles"].values()) <= set(ROLES)


def test_a_table_that_is_no_result_says_what_is_needed() -> None:
    with pytest.raises(ImportFormatError, match="no column for model, benchmark_value"):
        guess_mapping(head_of_text(b"a,b\nx,y\n"))


def test_headers_are_compared_without_decoration() -> None:
    assert [normalised(text) for text in ("Average ⬆️", "CO₂ cost (kg)", "__a__b")] == [
        "average",
        "co_cost_kg",
        "a_b",
    ]
