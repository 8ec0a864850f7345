"""What may be said about a constant penalty: true for every odd set of results."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.valley.locating import Settings, Valley, locate_valley, locate_valleys
from analysis.valley.published import valleys_from_published
from analysis.valley.sentences import VerdictKind, complexity_text, verdict, verdict_of_several
from data.records import Denominator

LABELS = {1: "O(N)", 2: "O([N,N^2])", 3: "O([N^2,N^3])"}
HUMP = {
    1: [(97, 96), (96, 93), (98, 96)],
    2: [(72, 55), (60, 43), (50, 34)],
    3: [(8, 5), (6, 3), (4, 2)],
}
"""Log-odds gaps of about .7 everywhere: a constant penalty."""
BREAK = {
    1: [(90, 90), (85, 86), (88, 88)],
    2: [(80, 20), (70, 15), (75, 18)],
    3: [(20, 20), (15, 16), (18, 18)],
}
"""No gap but at level 2: no constant penalty does that."""
RISING = {
    1: [(90, 90), (85, 86), (88, 87)],
    2: [(70, 55), (60, 45), (65, 50)],
    3: [(50, 10), (40, 8), (45, 9)],
}


def valley_of(counts_of, levels, **more) -> Valley:
    return locate_valley(counts_of(levels, labels=LABELS, **more))


@pytest.mark.parametrize(
    ("levels", "kind", "parts"),
    [
        (
            HUMP,
            VerdictKind.CONSTANT,
            [
                "peaks at O([N,N^2]) (",
                "% of resamples)",
                "constant penalty of 0.",
                "is enough to explain it",
                "no evidence",
            ],
        ),
        (
            BREAK,
            VerdictKind.CHANGES,
            [
                "does not explain it",
                "differs between levels",
                "largest at O([N,N^2])",
                "both ends is shown",
            ],
        ),
        (
            RISING,
            VerdictKind.CHANGES,
            ["does not explain it", "rises over the levels", "at an end of the levels"],
        ),
        (
            {2: [(80, 40), (70, 30), (60, 20)]},
            VerdictKind.NO_PEAK,
            ["no peak to explain", "only one level", "at least two"],
        ),
        ({1: [(80, 40)]}, VerdictKind.NO_PEAK, ["no peak to explain"]),
        (
            {1: [(80, 40)], 2: [(60, 55)]},
            VerdictKind.UNTESTED,
            ["peaks at O(N)", "2 tasks are too few"],
        ),
        ({1: [(0, 0)] * 3, 2: [(0, 0)] * 3}, VerdictKind.NO_PEAK, ["no level has a gap above 0"]),
        (
            {1: [(100, 100)] * 3, 2: [(100, 100)] * 3},
            VerdictKind.NO_PEAK,
            ["no level has a gap above 0"],
        ),
        (
            {1: [(60, 80)] * 3, 2: [(30, 50)] * 3},
            VerdictKind.NO_PEAK,
            ["no level has a gap above 0"],
        ),
        (
            {1: [(60, 50), (70, 60)], 2: [(60, 50), (70, 60)], 3: [(9, 9), (8, 8)]},
            VerdictKind.CONSTANT,
            ["O(N) and O([N,N^2]) alike"],
        ),
        (
            {1: [(51, 50), (40, 60), (60, 38)], 2: [(52, 50), (38, 61), (61, 40)]},
            VerdictKind.CONSTANT,
            ["not settled that OOD is harder at all"],
        ),
    ],
    ids=[
        "hump",
        "break",
        "rising",
        "one level",
        "one task",
        "two tasks",
        "all wrong",
        "all right",
        "ood easier",
        "tie",
        "noise",
    ],
)
def test_the_verdict_is_true_of_odd_results(
    counts_of, levels, kind: VerdictKind, parts: list[str]
) -> None:
    found = verdict(valley_of(counts_of, levels))
    assert found.kind is kind, found.sentence
    for part in parts:
        assert part in found.sentence, found.sentence
    if kind is not VerdictKind.CONSTANT:
        assert "explain it (" not in found.sentence


@pytest.mark.parametrize("split", ["id", "ood"])
def test_without_one_split_there_is_nothing_to_explain(counts_of, split: str) -> None:
    counts = counts_of(HUMP)
    found = verdict(locate_valley(counts.loc[counts["split"] != split]))
    assert found.kind is VerdictKind.NO_PEAK and "both an ID and an OOD accuracy" in found.sentence


def test_a_split_missing_at_one_level_leaves_the_others(counts_of) -> None:
    counts = counts_of(HUMP, labels=LABELS)
    valley = locate_valley(counts.loc[~((counts["split"] == "ood") & (counts["level"] == 3))])
    assert (
        verdict(valley).kind is VerdictKind.CONSTANT
        and valley.constancy is not None
        and valley.constancy.n_tasks == 6
    )


def test_accuracies_set_by_a_rule_are_not_tested(counts_of) -> None:
    """Under the authors' rule every accuracy of level 2 is 0 by rule: its tasks have no log-odds
    gap, only level 1 remains.
    """
    counts = counts_of({1: [(80, 40), (70, 30), (60, 35)], 2: [(5, 2)] * 3})
    counts.loc[counts["level"] == 2, ["n_wrong", "n_unparsed"]] = [[0, 95]] * 6
    counts.loc[(counts["level"] == 2) & (counts["split"] == "id"), "n_correct"] = 60
    valley = locate_valley(counts, settings=Settings(denominator=Denominator.AUTHORS))
    assert (
        verdict(valley).kind is VerdictKind.UNTESTED
        and "3 tasks are too few, or at too few levels" in verdict(valley).sentence
    )


def test_any_scheme_is_named_by_its_own_levels(counts_of) -> None:
    levels = {10: HUMP[1], 20: HUMP[2], 35: HUMP[3]}
    valley = locate_valley(counts_of(levels, labels={10: "short", 20: "medium", 35: "long"}))
    assert "peaks at medium" in verdict(valley).sentence
    assert valley.complexity is not None and 20 <= valley.complexity.level < 35


def test_floor_effects_are_not_taken_for_a_change(counts_of) -> None:
    """A constant penalty of 3 logits on a model that has almost nothing right at levels 2 to 4:
    empirical logits flatten there, so the test rejects, and the repeats under a constant penalty do
    as well.
    """
    levels = {
        1: [(90, 31), (80, 17), (70, 11)],
        2: [(9, 0), (7, 1), (6, 0)],
        3: [(2, 0), (1, 0), (1, 0)],
        4: [(0, 0), (1, 0), (0, 0)],
    }
    valley = locate_valley(counts_of(levels))
    assert valley.constancy is not None and valley.constancy.p < 0.10
    assert valley.constant_gap is not None and valley.constant_gap.p_slope > valley.constancy.p
    if verdict(valley).kind is VerdictKind.CONSTANT:
        assert (
            "is not ruled out (it seems to fall" in verdict(valley).sentence
            and "but so it does in" in verdict(valley).sentence
        )


def test_published_means_are_described_and_not_tested(published_levels: pd.DataFrame) -> None:
    verdicts = {
        valley.model: verdict(valley) for valley in valleys_from_published(published_levels)
    }
    assert {found.kind for found in verdicts.values()} == {VerdictKind.MEANS_ONLY}
    # METHODS B2: for 72B and 110B a constant penalty peaks at level 3 where the means peak at 4.
    for model in ("Qwen1.5-72B", "Qwen1.5-110B"):
        assert "peaks at O([N^2,N^3]) instead" in verdicts[model].sentence
        assert "cannot be tested without results per task" in verdicts[model].sentence


def test_published_means_without_numbers_of_answers_are_not_fitted(
    published_levels: pd.DataFrame,
) -> None:
    bare = published_levels.assign(n=pd.NA, n_tasks=pd.NA, n_per_task=pd.NA, sd=float("nan"))
    bare = bare.astype({"n": "Int64", "n_tasks": "Int64", "n_per_task": "Int64"})
    valley = valleys_from_published(bare)[0]
    assert valley.means_fit is None and valley.complexity is None
    assert "cannot be said without results per task" in verdict(valley).sentence
    assert "No continuous critical complexity" in complexity_text(valley)


def test_half_points_of_published_means_are_those_of_the_reference(
    published_levels: pd.DataFrame,
) -> None:
    """METHODS B2: mid-logit 50 % crossings of the seven Qwen1.5 models. Half an answer of shrinkage
    moves them by at most .01.
    """
    found = {valley.model: valley.complexity for valley in valleys_from_published(published_levels)}
    expected = {
        "1.8B": 1.69,
        "4B": 1.56,
        "7B": 1.95,
        "14B": 2.35,
        "32B": 2.51,
        "72B": 2.66,
        "110B": 2.79,
    }
    for size, level in expected.items():
        complexity = found[f"Qwen1.5-{size}"]
        assert complexity is not None and complexity.level == pytest.approx(level, abs=0.015)
        assert complexity.route == "isotonic" and complexity.lo < level < complexity.hi


def test_twenty_eight_models_are_counted_and_few_are_named(counts_of) -> None:
    many = pd.concat([counts_of(HUMP if i < 20 else BREAK, model=f"m{i:02}") for i in range(28)])
    said = verdict_of_several(locate_valleys(many, Settings(resamples=100)))
    assert said.startswith(
        "A constant penalty for OOD can explain the gap of 20 of 28 models; it cannot for 8 of 28"
        " models."
    )
    assert (
        "With 28 models tested, each at 10 % of false alarms, some may show a change by chance."
        in said
    )
    few = [
        locate_valley(counts_of(levels, model=name))
        for name, levels in (("{a}", HUMP), ("b", BREAK), ("c", {1: [(5, 5)]}))
    ]
    said = verdict_of_several(few)
    assert "the gap of {a}; it cannot for b; there is no peak to explain for c." in said
    assert verdict_of_several(few[2:] * 2) == "There is no peak to explain for any of them."
