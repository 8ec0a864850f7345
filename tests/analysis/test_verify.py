"""Certified values: agreement is reported in digits, and nothing passes that was not checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from analysis.certified import METHODS
from analysis.verify import check_vector, verify_file, verify_vectors
from data.records import ImportFormatError

GAP = {
    "inputs": {"id_acc": 0.8, "ood_acc": 0.5},
    "expected": {"diff": 0.3, "ratio": 0.625},
    "tolerance": 1e-9,
}


def gap_with(**changes: Any) -> dict[str, Any]:
    return {**GAP, **changes}


def reference_vectors(shared: Path) -> dict[str, list[dict[str, Any]]]:
    return json.loads((shared / "reference_values.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", sorted(METHODS))
def test_every_built_method_agrees_with_its_certified_vectors(shared: Path, key: str) -> None:
    for number, vector in enumerate(reference_vectors(shared)[key]):
        check = check_vector(key, vector, [shared / "published"])
        assert check.passed, (number, check.message)
        # Two where a vector holds figures that a paper printed with two or three digits; its
        # tolerance says so.
        assert check.digits is None or check.digits >= 2


def test_the_shipped_tables_serve_when_the_file_lies_elsewhere(
    shared: Path, tmp_path: Path
) -> None:
    content = {
        key: reference_vectors(shared)[key]
        for key in ("scylla_table2_facts", "rasch_level_difficulty_fig5")
    }
    (tmp_path / "values.json").write_text(json.dumps(content), encoding="utf-8")
    assert verify_file(tmp_path / "values.json")["summary"]["n_passed"] == 2


def test_the_whole_reference_file_is_accounted_for(shared: Path) -> None:
    """Every vector is passed, failed or not built; unknown keys are never passed."""
    vectors = reference_vectors(shared)
    found = verify_file(shared / "reference_values.json")
    assert set(found["methods"]) == {key for key in vectors if not key.startswith("_")}
    for key, entries in found["methods"].items():
        assert len(entries) == len(vectors[key])
        assert key in METHODS or entries == [{"not_built": True}] * len(entries)
    summary = found["summary"]
    assert (
        summary["n_passed"] + summary["n_failed"] + summary["n_not_built"] == summary["n_vectors"]
    )
    assert (summary["n_built"], summary["n_failed"]) == (len(METHODS), 0)
    json.dumps(found, allow_nan=False)


def test_one_digit_off_does_not_pass_and_says_where() -> None:
    check = check_vector("scylla_gap", gap_with(expected={"diff": 0.3001, "ratio": 0.625}))
    assert not check.passed and check.message == "disagrees: diff"
    assert check.fields["ratio"].passed and not check.fields["diff"].passed
    assert check.worst_difference == pytest.approx(1e-4)
    assert check.digits == pytest.approx(-math.log10(1e-4 / 0.3001), abs=0.01)


def test_an_expected_field_that_is_not_built_keeps_the_vector_from_passing() -> None:
    check = check_vector("scylla_gap", gap_with(expected={"diff": 0.3, "entropy": 1.0}))
    assert not check.passed and check.unchecked == ("entropy",)
    assert check.message == "not built, so not checked: entropy"


@pytest.mark.parametrize(
    ("tolerance", "expected", "passed"),
    [
        (1e-3, 0.3009, True),
        (1e-3, 0.3011, False),
        ({"abs": 1e-9, "rel": 1e-2}, 0.3029, True),
        ({"abs": 1e-9, "rel": 1e-2}, 0.3034, False),
        ({"rel": 1e-2}, 0.3029, True),
        ({"abs": 1e-3, "note": "words"}, 0.3009, True),
        (0, 0.30000000000000004, True),
    ],
)
def test_tolerance_is_absolute_unless_it_says_relative(
    tolerance: Any, expected: float, passed: bool
) -> None:
    assert (
        check_vector(
            "scylla_gap", gap_with(expected={"diff": expected}, tolerance=tolerance)
        ).passed
        is passed
    )


def test_a_number_printed_shorter_than_its_tolerance_must_agree_in_every_digit() -> None:
    """gap_at_x is .14979574184: printed .14979574 it agrees, printed .14979575 it does not, and
    seven digits are too few for this.
    """
    inputs = {"a": 1.4, "b_id": 4.2, "b_ood": 3.4, "x": 5.0}
    checks = {
        value: check_vector(
            "valley_closed_form",
            {"inputs": inputs, "expected": {"gap_at_x": value}, "tolerance": 1e-9},
        )
        for value in (0.14979574, 0.14979575, 0.1497957)
    }
    assert [check.passed for check in checks.values()] == [True, False, False]
    assert (
        checks[0.14979574].message
        == "agrees in every printed digit, which are fewer than the tolerance asks for: gap_at_x"
    )


def test_null_is_undefined_and_nothing_else() -> None:
    no_gap = {"inputs": {"id_mean": [0.1, 0.1], "ood_mean": [0.2, 0.2]}, "tolerance": 1e-9}
    assert check_vector(
        "scylla_critical_level", {**no_gap, "expected": {"critical_level": None, "gap": [0, 0]}}
    ).passed
    assert not check_vector(
        "scylla_critical_level", {**no_gap, "expected": {"critical_level": 1}}
    ).passed
    assert not check_vector("scylla_gap", gap_with(expected={"diff": None})).passed
    undefined = {
        "inputs": {"k": 0, "n": 0},
        "expected": {"wilson": None, "clopper_pearson": [None, None]},
        "tolerance": 1e-9,
    }
    assert check_vector("binomial_ci", undefined).passed


@pytest.mark.parametrize(
    ("key", "inputs", "expected"),
    [
        (
            "metric_transform",
            {"exact_match": 0.0625, "L": 4},
            {"per_token_p": 0.5, "token_edit_distance": 2},
        ),
        (
            "metric_transform",
            {"exact_match": 0, "L": 4, "n": 100},
            {"per_token_p": None, "per_token_p_upper95": (1 - 0.05**0.01) ** 0.25},
        ),
        ("brier_multiclass", {"P": [[0.5, 0.5], [1, 0, 0]], "y": [0, 1]}, {"brier": 1.25}),
        ("clustered_se", {"scores": [True, False], "cluster": ["a", "b"]}, {"se_clt": 0.5}),
        (
            "critical_level_trend",
            {"data": "Qwen1.5 (7)"},
            {"kendall_S": 16, "permutation_p_one_sided": 1 / 210},
        ),
    ],
)
def test_other_ways_to_ask_that_the_formulas_name(
    key: str, inputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    check = check_vector(key, {"inputs": inputs, "expected": expected, "tolerance": 1e-12})
    assert check.passed, check.message


def test_undefined_inputs_give_undefined_outputs() -> None:
    vector = {
        "inputs": {"id_acc": None, "ood_acc": 0.5},
        "expected": {"diff": None, "ratio": None},
        "tolerance": 1e-9,
    }
    assert check_vector("scylla_gap", vector).passed


def test_lists_must_be_as_long_as_expected() -> None:
    bounds = {"inputs": {"S": [0.5, 0.1]}, "tolerance": 1e-9}
    assert check_vector(
        "scylla_gap_bounds_from_S", {**bounds, "expected": {"lower": [0.0, 0.0]}}
    ).passed
    assert not check_vector(
        "scylla_gap_bounds_from_S", {**bounds, "expected": {"lower": [0.0]}}
    ).passed
    assert not check_vector(
        "scylla_gap_bounds_from_S", {**bounds, "expected": {"lower": 0.0}}
    ).passed


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (None, "malformed vector: expected an object"),
        ([], "malformed vector: expected an object"),
        ({"expected": {"diff": 1}, "tolerance": 1}, "malformed vector: 'inputs' must be an object"),
        (gap_with(inputs={}), "malformed vector: 'inputs' must be an object"),
        (gap_with(expected=[0.3]), "malformed vector: 'expected' must be an object"),
        (gap_with(expected={}), "malformed vector: 'expected' must be an object"),
        (
            {"inputs": GAP["inputs"], "expected": GAP["expected"]},
            "malformed vector: tolerance must be",
        ),
        (gap_with(tolerance="small"), "malformed vector: tolerance must be"),
        (gap_with(tolerance=-1), "malformed vector: tolerance must be"),
        (gap_with(tolerance=True), "malformed vector: tolerance must be"),
        (gap_with(tolerance={"note": "close"}), "malformed vector: tolerance must be"),
        (gap_with(tolerance=math.inf), "malformed vector: tolerance must be"),
        (
            gap_with(inputs={"id_acc": 0.8}),
            "cannot be computed from these inputs: KeyError: 'ood_acc'",
        ),
        (
            gap_with(inputs={"id_acc": "0.8", "ood_acc": 0.5}),
            "cannot be computed from these inputs: TypeError",
        ),
    ],
)
def test_a_bad_vector_is_an_entry_with_a_reason_and_never_passes(vector: Any, message: str) -> None:
    check = check_vector("scylla_gap", vector)
    assert not check.passed and str(check.message).startswith(message)


@pytest.mark.parametrize("vectors", [None, [], {}, "text", 3])
def test_a_method_without_a_list_of_vectors_does_not_pass(vectors: Any) -> None:
    found = verify_vectors({"scylla_gap": vectors, "unheard_of": vectors, "_meta": vectors})
    assert [entry["passed"] for entry in found["methods"]["scylla_gap"]] == [False]
    assert found["methods"]["unheard_of"] == [{"not_built": True}]
    assert found["summary"]["n_passed"] == 0 and "_meta" not in found["methods"]


def test_one_bad_vector_does_not_hide_the_good_ones() -> None:
    entries = verify_vectors({"scylla_gap": [GAP, None, GAP]})["methods"]["scylla_gap"]
    assert [entry["passed"] for entry in entries] == [True, False, True]


def test_a_vector_cannot_reach_for_files_elsewhere(tmp_path: Path) -> None:
    for name in ("../secret.csv", "/etc/passwd", "absent.csv"):
        check = check_vector(
            "scylla_table2_facts",
            {"inputs": {"file": name}, "expected": {"n_models": 28}, "tolerance": 0},
            [tmp_path],
        )
        assert not check.passed and "cannot be computed" in str(check.message)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[1, 2]", "holds a JSON list, not an object"), ("", "is not JSON")],
)
def test_an_unreadable_file_is_refused_with_what_was_expected(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "values.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImportFormatError, match=message):
        verify_file(path)


def test_a_missing_file_and_a_file_that_is_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFormatError, match="cannot be read"):
        verify_file(tmp_path / "absent.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(ImportFormatError, match="is not JSON"):
        verify_file(tmp_path / "binary.json")


def test_an_empty_file_of_vectors_passes_nothing(tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text("{}", encoding="utf-8")
    assert verify_file(tmp_path / "values.json")["summary"] == dict.fromkeys(
        ("n_methods", "n_built", "n_vectors", "n_passed", "n_failed", "n_not_built"), 0
    )


def test_format_rule_knows_the_second_answers_threshold_and_other_denominators() -> None:
    cells = {
        "id": {"correct": 30, "wrong": 19, "unparsed": 51},
        "ood": {"correct": 20, "wrong": 30, "unparsed": 50},
    }
    second = {
        "inputs": {**cells, "which": "second answer"},
        "expected": {"id_acc": 0, "ood_acc": 0.4, "acc_diff": 0},
        "tolerance": 1e-9,
    }
    strict = {
        "inputs": {**cells, "policy": "unparsed_is_wrong"},
        "expected": {"id_acc": 0.3, "ood_acc": 0.2, "acc_diff": 0.1},
        "tolerance": 1e-9,
    }
    assert (
        check_vector("scylla_format_rule", second).passed
        and check_vector("scylla_format_rule", strict).passed
    )


def test_task_level_vectors_need_lists_of_one_length() -> None:
    vector = {
        "inputs": {"level": [1, 1, 2], "n": 10, "id_correct": [1, 2], "ood_correct": [1, 2, 3]},
        "expected": {"critical_level": 1},
        "tolerance": 1e-6,
    }
    assert "level 3, id_correct 2, ood_correct 3" in str(
        check_vector("valley_task_level", vector).message
    )


def test_task_level_answers_small_data_with_what_is_defined() -> None:
    """One task at two levels each, no difficulty axis: gaps .2 and .1; nothing over tasks within
    levels can be said.
    """
    vector = {
        "inputs": {"level": [1, 2], "n": [10, 10], "id_correct": [5, 3], "ood_correct": [3, 2]},
        "expected": {
            "level_gap": [0.2, 0.1],
            "critical_level": 1,
            "metareg_slope": None,
            "iut_p_interior_peak": None,
        },
        "tolerance": 1e-9,
    }
    check = check_vector("valley_task_level", vector)
    assert check.passed, check.message


@pytest.mark.parametrize(
    ("key", "inputs", "expected"),
    [
        ("valley_closed_form", {"a": "1", "b_id": 1.0, "b_ood": 0.0}, {"centre": -0.5}),
        ("valley_closed_form", {"a": True, "b_id": 1.0, "b_ood": 0.0}, {"centre": -0.5}),
        ("binomial_ci", {"k": "1", "n": 2}, {"wilson": [0.094531, 0.905469]}),
        (
            "scylla_format_rule",
            {"id": {"correct": True, "wrong": 0}, "ood": {"correct": 1, "wrong": 0}},
            {"id_acc": 1.0},
        ),
        (
            "scylla_critical_level",
            {"level": [1, 2], "gap": [0.0, 0.0]},
            {"critical_level": float("inf")},
        ),
        ("scylla_gap", {"id_acc": 0.5, "ood_acc": 0.25}, {"diff": 10**400}),
    ],
)
def test_what_is_no_number_never_passes(
    key: str, inputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    check = check_vector(key, {"inputs": inputs, "expected": expected, "tolerance": 1e-4})
    assert not check.passed
    assert check.message


def test_a_tolerance_beyond_all_floats_is_malformed() -> None:
    check = check_vector(
        "scylla_gap",
        {
            "inputs": {"id_acc": 0.5, "ood_acc": 0.25},
            "expected": {"diff": 9.0},
            "tolerance": 10**400,
        },
    )
    assert "tolerance must be" in str(check.message)


def test_levels_without_a_value_cannot_be_computed_and_do_not_crash(shared: Path) -> None:
    vector = json.loads((shared / "reference_values.json").read_text())["valley_glm_fig5"][0]
    vector["inputs"]["level"][1] = None
    assert "cannot be computed" in str(check_vector("valley_glm_fig5", vector).message)


def test_the_example_that_ships_agrees() -> None:
    found = verify_file(Path(__file__).parents[2] / "docs" / "certified-example.json")
    assert (found["summary"]["n_passed"], found["summary"]["n_vectors"]) == (1, 1)


def test_a_published_figure_that_its_vector_disowns_is_a_remark() -> None:
    note = {"note": "the published figure does not follow from the formula"}
    disowned = gap_with(expected={"diff": 0.3, "published_percent": 31.0}, tolerance=note)
    check = check_vector("scylla_gap", disowned)
    assert (
        check.fields.keys() == {"diff"} and not check.passed
    )  # 0.3 has too few digits to be agreement without a tolerance
    assert check_vector(
        "scylla_gap", gap_with(expected={"ratio": 0.625, "published_percent": 31.0}, tolerance=note)
    ).passed
    assert "nothing is checked" in str(
        check_vector("scylla_gap", gap_with(expected={"published": 1.0}, tolerance=note)).message
    )
