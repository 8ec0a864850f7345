"""Coverage of intervals and false positive rates of tests, by simulation on results whose true
values are known.

python -m benchmarks.calibration                    200 replicates, a minute; prints the table
python -m benchmarks.calibration --replicates 2000  the full one
python -m benchmarks.calibration --write            also writes docs/calibration.md and its table
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from analysis.accuracy import level_mean
from analysis.compare.pairing import mcnemar, paired_bootstrap, paired_over_tasks
from analysis.log_odds.critical import (
    constancy_test,
    half_point,
    interior_peak_test,
    level_change_test,
)
from analysis.log_odds.gap import combine_tasks, empirical_logit, log_odds_gap
from analysis.scylla import critical_level
from analysis.simulate import Design, SimulatedCells, simulate_cells, true_accuracies
from analysis.size.ordered_tests import rank_trend
from analysis.size.size_trend import interval_regression
from analysis.valley.level_bootstrap import LevelDraws, TaskCells, resample_levels, smallest_set
from data.methods import CALIBRATION_COLUMNS, CALIBRATION_FILE

NOTE = Path(__file__).resolve().parent.parent / "docs" / "calibration.md"
RESAMPLES = 1000
DESIGNS = {
    "SCYLLA-like": Design(delta=0.6, ability=3.1),
    "ladder-like": Design(
        n_tasks=(3, 4, 3, 3, 3),
        delta=0.3,
        task_sd=1.2,
        split_sd=0.4,
        beta=(0.0, 1.9, 4.6, 5.0, 5.3),
        ability=3.3,
    ),
}
"""Seventeen tasks at Figure 5's difficulties with the spread of METHODS B0; sixteen tasks as in our
ladder of small models.
"""
DESIGN_WORDS = {
    "SCYLLA-like": (
        "17 tasks, 256 + 256 answers, task sd 0.9, split sd 0.2, log-odds gap 0.6 logit, half point"
        " between levels 2 and 3"
    ),
    "ladder-like": (
        "16 tasks, 256 + 256 answers, task sd 1.2, split sd 0.4, log-odds gap 0.3 logit, half point"
        " between levels 2 and 3"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The rate of an event in simulations.

    method         key of the method in data/catalog/methods.toml.
    what, design   which interval or test, on which results.
    nominal        nominal rate. band: range of rates that count as kept.
    rate           share of replicates (0-1); error: its Monte-Carlo standard error; n: replicates.
    remark         the reason why it is not kept, if known.
    """

    method: str
    what: str
    design: str
    nominal: float
    band: tuple[float, float]
    rate: float
    n: int
    remark: str = ""

    @property
    def error(self) -> float:
        return math.sqrt(self.rate * (1 - self.rate) / self.n) if self.n else math.nan

    @property
    def is_kept(self) -> bool:
        """Within the band, give or take two Monte-Carlo errors."""
        return self.band[0] - 2 * self.error <= self.rate <= self.band[1] + 2 * self.error


def coverage(
    method: str, what: str, design: str, hits: list[bool], nominal: float, remark: str = ""
) -> Rate:
    """A coverage: 93-97 % counts as kept at 95 %, 87-93 % at 90 %."""
    margin = 0.02 if nominal >= 0.95 else 0.03
    return Rate(
        method=method,
        what=what,
        design=design,
        nominal=nominal,
        band=(nominal - margin, nominal + margin),
        rate=_share(hits),
        n=len(hits),
        remark=remark,
    )


def false_positives(
    method: str, what: str, design: str, p_values: list[float], remark: str = ""
) -> Rate:
    """The rate of p < .05 without a true effect: up to 7 % counts as kept; less than 5 % costs
    power and is not an error.
    """
    hits = [p < 0.05 for p in p_values if not math.isnan(p)]
    return Rate(
        method=method,
        what=what,
        design=design,
        nominal=0.05,
        band=(0.0, 0.07),
        rate=_share(hits),
        n=len(hits),
        remark=remark,
    )


def _share(hits: list[bool]) -> float:
    return float(np.mean(hits)) if hits else math.nan


# -- valley ----------------------------------------------------------------------------------------


def _rows(drawn: SimulatedCells) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Log-odds gaps, variances, mid-logits and probability gaps of each replicate."""
    d, v = log_odds_gap(drawn.k_id, drawn.n_id, drawn.k_ood, drawn.n_ood)
    mid = (
        empirical_logit(drawn.k_id, drawn.n_id)[0] + empirical_logit(drawn.k_ood, drawn.n_ood)[0]
    ) / 2
    yield from zip(d, v, mid, drawn.k_id / drawn.n_id - drawn.k_ood / drawn.n_ood, strict=True)


def _changed(design: Design, **fields: object) -> Design:
    known = {name: getattr(design, name) for name in Design.__dataclass_fields__}
    return Design(**{**known, **fields})


def level_accuracies(name: str, replicates: int, seed: int = 1) -> Rate:
    """95 % intervals of level accuracies, both splits, against the mean over all tasks of the
    design.
    """
    design = DESIGNS[name]
    drawn = simulate_cells(design, replicates=replicates, seed=seed)
    hits = []
    for k, n, truth in zip(
        (drawn.k_id, drawn.k_ood), (drawn.n_id, drawn.n_ood), true_accuracies(design), strict=True
    ):
        for replicate in k:
            for place, level in enumerate(design.numbers):
                mine = drawn.level == level
                found = level_mean(replicate[mine] / n, np.full(mine.sum(), n))
                hits.append(bool(found.lo <= truth[place] <= found.hi))
    remark = "3 or 4 tasks a level, skewed near 0 and 1"
    return coverage(
        "level_mean", "accuracy of a level (score interval over tasks)", name, hits, 0.95, remark
    )


def _level_draws(drawn: SimulatedCells, resamples: int) -> Iterator[LevelDraws]:
    n_tasks = len(drawn.level)
    nowhere = np.zeros(n_tasks, dtype=bool)
    for number, (k_id, k_ood) in enumerate(zip(drawn.k_id, drawn.k_ood, strict=True)):
        cells = TaskCells(
            level=drawn.level,
            k_id=k_id,
            n_id=np.full(n_tasks, float(drawn.n_id)),
            k_ood=k_ood,
            n_ood=np.full(n_tasks, float(drawn.n_ood)),
            fixed_id=nowhere,
            fixed_ood=nowhere,
        )
        yield resample_levels(cells, resamples=resamples, seed=number)


def level_gaps(name: str, replicates: int, seed: int = 2) -> list[Rate]:
    """95 % intervals of level gaps, and the 90 % level set."""
    design = DESIGNS[name]
    a_id, a_ood = true_accuracies(design)
    truth = a_id - a_ood
    peak = int(truth.argmax())
    inside, in_set, widths = [], [], []
    for draws in _level_draws(simulate_cells(design, replicates=replicates, seed=seed), RESAMPLES):
        lo, hi = draws.interval(0.95)
        inside += [bool(one) for one in (lo <= truth) & (truth <= hi)]
        chosen, _ = smallest_set(*draws.p_critical())
        in_set.append(peak in chosen)
        widths.append(len(chosen))
    wide = f"{np.mean(widths):.1f} of {len(truth)} levels wide"
    return [
        coverage(
            "level_gap",
            "gap of a level (task bootstrap)",
            name,
            inside,
            0.95,
            "3 or 4 tasks a level leave few resamples that differ",
        ),
        coverage("level_set", "90 % level set holds the true peak", name, in_set, 0.90, wide),
    ]


def shift_and_half_point(name: str, replicates: int, seed: int = 3) -> list[Rate]:
    """The mean log-odds gap at 95 %, the half point at 90 % on the known axis."""
    design = DESIGNS[name]
    drawn = simulate_cells(design, replicates=replicates, seed=seed)
    x = design.difficulty[np.searchsorted(design.numbers, drawn.level)]
    delta = float(np.asarray(design.delta))
    shift, fieller = [], []
    for d, v, mid, gap in _rows(drawn):
        mean, half = combine_tasks(d, v, gap), half_point(mid, x)
        shift.append(mean.lo <= delta <= mean.hi)
        fieller.append(not math.isnan(half.lo) and half.lo <= design.ability <= half.hi)
    return [
        coverage("random_effects_shift", "mean log-odds gap (Paule-Mandel, t)", name, shift, 0.95),
        coverage(
            "half_point",
            "half point x50 (Fieller)",
            name,
            fieller,
            0.90,
            "the axis is taken as known: from few models it adds error",
        ),
    ]


def valley_tests(name: str, replicates: int, seed: int = 4) -> list[Rate]:
    """Tests of a valley under the null hypothesis: no gap, or a constant one."""
    none = simulate_cells(_changed(DESIGNS[name], delta=0.0), replicates=replicates, seed=seed)
    means = [
        (combine_tasks(d, v, gap), interior_peak_test(gap, none.level))
        for d, v, _, gap in _rows(none)
    ]
    constant = simulate_cells(DESIGNS[name], replicates=replicates, seed=seed + 50)
    x = DESIGNS[name].difficulty[np.searchsorted(DESIGNS[name].numbers, constant.level)]
    lines = [
        (constancy_test(d, v, x).p, level_change_test(d, v, constant.level).p)
        for d, v, _, _ in _rows(constant)
    ]
    return [
        false_positives(
            "random_effects_shift",
            "shift: t of the random-effects mean",
            name,
            [mean.p for mean, _ in means],
        ),
        false_positives(
            "shift_tests",
            "shift: sign flips of task gaps",
            name,
            [mean.sign_flip_p for mean, _ in means],
        ),
        false_positives(
            "shift_tests", "shift: Wilcoxon", name, [mean.wilcoxon_p for mean, _ in means]
        ),
        false_positives(
            "interior_peak",
            "interior peak",
            name,
            [peak.p for _, peak in means],
            "conservative by construction: both contrasts must hold",
        ),
        false_positives(
            "constancy", "constancy: slope, constant gap", name, [slope for slope, _ in lines]
        ),
        false_positives(
            "constancy",
            "constancy: levels against each other, constant gap",
            name,
            [levels for _, levels in lines],
        ),
    ]


def argmax_against_half_point(
    name: str, replicates: int, seed: int = 5
) -> tuple[float, float, float]:
    """RMSE in levels of the critical level and of the half point, and the rate at which the level
    is the true one.

    True value of the level: where the true gap is largest; of the half point: the ability,
    expressed as a level.
    """
    design = DESIGNS[name]
    drawn = simulate_cells(design, replicates=replicates, seed=seed)
    a_id, a_ood = true_accuracies(design)
    peak = float(design.numbers[(a_id - a_ood).argmax()])
    at = float(np.interp(design.ability, design.difficulty, design.numbers))
    x = design.difficulty[np.searchsorted(design.numbers, drawn.level)]
    levels, points = [], []
    for _, _, mid, gap in _rows(drawn):
        means = [gap[drawn.level == level].mean() for level in design.numbers]
        found = critical_level(design.numbers, means).level
        levels.append(math.nan if found is None else float(found))
        points.append(float(np.interp(half_point(mid, x).x, design.difficulty, design.numbers)))
    off, continuous = np.array(levels) - at, np.array(points) - at
    right = float(np.mean(np.array(levels) == peak))
    return float(np.sqrt(np.nanmean(off**2))), float(np.sqrt(np.nanmean(continuous**2))), right


# -- comparison and size ---------------------------------------------------------------------------


def _pair(
    rng: np.random.Generator, *, difference: float, spread: float, n_tasks: int = 17, n: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Answers of two models to the same instances, (tasks, instances): shared difficulty, and a
    difference between the models per task.
    """
    centre = rng.normal(0.5, 0.9, (n_tasks, 1)) + rng.normal(0.0, 1.0, (n_tasks, n))
    own = difference + rng.normal(0.0, spread, (n_tasks, 1))
    return rng.random((n_tasks, n)) < expit(centre + own / 2), rng.random((n_tasks, n)) < expit(
        centre - own / 2
    )


def comparisons(replicates: int, seed: int = 6) -> list[Rate]:
    """Two models on shared instances: the clustered difference and McNemar's test, with equal and
    with differing tasks.
    """
    rng = np.random.default_rng(seed)
    tasks = np.repeat(np.arange(17), 64)
    # True value over all tasks of the design, estimated from many of them.
    a, b = _pair(rng, difference=0.3, spread=0.5, n_tasks=20_000)
    truth = float(a.mean() - b.mean())
    inside, booted = [], []
    for number in range(replicates):
        a, b = _pair(rng, difference=0.3, spread=0.5)
        values = (a.astype(float) - b).ravel()
        found = paired_over_tasks(values, tasks)
        inside.append(found.lo <= truth <= found.hi)
        if number < replicates // 4:
            resampled = paired_bootstrap(values, tasks, resamples=2000, seed=number)
            booted.append(resampled.lo <= truth <= resampled.hi)
    key = "paired_difference"
    rates = [
        coverage(key, "paired difference (tasks as clusters, t)", "17 tasks x 64", inside, 0.95),
        coverage(
            key,
            "paired difference (BCa over tasks)",
            "17 tasks x 64",
            booted,
            0.95,
            "17 tasks are few for a bootstrap; t stands first",
        ),
    ]
    for words, spread in (("tasks alike", 0.0), ("tasks differ by 0.5 logit", 0.5)):
        clustered, items = [], []
        for _ in range(replicates):
            a, b = _pair(rng, difference=0.0, spread=spread)
            clustered.append(paired_over_tasks((a.astype(float) - b).ravel(), tasks).p)
            items.append(mcnemar(int((a & ~b).sum()), int((b & ~a).sum())).p)
        rates.append(
            false_positives(key, "paired difference (tasks as clusters)", words, clustered)
        )
        why = "takes instances as independent: an item-level test" if spread else ""
        rates.append(false_positives("mcnemar", "McNemar", words, items, why))
    return rates


def size_trends(replicates: int, seed: int = 7, n_models: int = 23) -> list[Rate]:
    """Critical level against size: interval-censored slope (95 %), and tests when size has no
    effect.
    """
    rng = np.random.default_rng(seed)
    slope, hits, lr, rank = 0.916, [], [], []
    for _ in range(replicates):
        x = rng.uniform(0.2, 2.1, n_models)
        noise = rng.normal(0.0, 0.8, n_models)
        levels, flat = (
            np.clip(np.round(line + noise), 1, 5)
            for line in (1.864 + slope * x, np.full(n_models, 2.9))
        )
        fit, null = interval_regression(x, levels), interval_regression(x, flat)
        hits.append(fit.lo <= slope <= fit.hi)
        lr.append(null.lr_p)
        rank.append(rank_trend(x, flat).p_two_sided)
    design, key = f"{n_models} models", "interval_regression"
    return [
        coverage(
            key,
            "levels per tenfold size (interval-censored, Wald)",
            design,
            hits,
            0.95,
            "a Wald interval of 23 models is a little short",
        ),
        false_positives(
            key,
            "size: likelihood ratio, interval-censored",
            design,
            lr,
            "chi-square with 23 models is a little liberal",
        ),
        false_positives("size_rank_trend", "size: Kendall, permutation", design, rank),
    ]


# -- the table -------------------------------------------------------------------------------------


def measure(replicates: int) -> tuple[list[Rate], dict[str, tuple[float, float, float]]]:
    """Every rate, and the errors of the critical level against the half point by design."""
    rates: list[Rate] = []
    works: list[Callable[[str, int], Rate | list[Rate]]] = [
        level_accuracies,
        level_gaps,
        shift_and_half_point,
        valley_tests,
    ]
    for name in DESIGNS:
        for work in works:
            found = work(name, replicates)
            rates += found if isinstance(found, list) else [found]
    rates += [*comparisons(replicates), *size_trends(max(100, replicates // 4))]
    return rates, {name: argmax_against_half_point(name, replicates) for name in DESIGNS}


def as_markdown(
    rates: list[Rate], errors: dict[str, tuple[float, float, float]], replicates: int
) -> str:
    """The note: the simulated designs, and every rate with its Monte-Carlo error."""
    lines = [
        "# Calibration",
        "",
        (
            f"Written by `python -m benchmarks.calibration --replicates {replicates} --write`."
            " Results are drawn from a known truth (`analysis/simulate.py`), analysed as the pages"
            " do, and compared with that truth. A rate is kept when it lies within its band, plus"
            " or minus two Monte-Carlo errors: 93-97 % for 95 % intervals, 87-93 % for 90 % ones,"
            " at most 7 % false positives at 5 %."
        ),
        "",
        *(f"- **{name}**: {words}." for name, words in DESIGN_WORDS.items()),
    ]
    for title, is_interval in (("Intervals", True), ("Tests without a true effect", False)):
        lines += [
            "",
            f"## {title}",
            "",
            "| what | results | nominal | found | kept | remark |",
            "|---|---|---|---|---|---|",
        ]
        for rate in rates:
            if (rate.nominal > 0.5) == is_interval:
                kept = "yes" if rate.is_kept else "**no**"
                remark = (
                    rate.remark
                    if not rate.is_kept or "wide" in rate.remark or "construction" in rate.remark
                    else ""
                )
                lines.append(
                    f"| {rate.what} | {rate.design} | {100 * rate.nominal:.0f} % |"
                    f" {100 * rate.rate:.1f} ± {100 * rate.error:.1f} % | {kept} | {remark} |"
                )
    lines += [
        "",
        "## The critical level against the half point",
        "",
        "| results | RMSE of the level | RMSE of the half point | level right |",
    ]
    lines += [
        "|---|---|---|---|",
        *(
            f"| {name} | {one:.2f} levels | {two:.2f} levels | {100 * right:.0f} % |"
            for name, (one, two, right) in errors.items()
        ),
    ]
    lines += [
        "",
        (
            "Errors are against the level coordinate at which the simulated model is right half the"
            " time on a task of median difficulty."
        ),
    ]
    return "\n".join(lines) + "\n"


def as_table(rates: list[Rate]) -> pd.DataFrame:
    """The rates that the methods page and captions state for each method: CALIBRATION_COLUMNS,
    shares with six decimals.
    """
    rows = [
        {
            "method": rate.method,
            "what": rate.what,
            "design": rate.design,
            "nominal": rate.nominal,
            "rate": round(rate.rate, 6),
            "error": round(rate.error, 6),
            "n": rate.n,
            "is_kept": rate.is_kept,
        }
        for rate in rates
    ]
    return pd.DataFrame(rows, columns=list(CALIBRATION_COLUMNS))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument(
        "--write",
        action="store_true",
        help="also write docs/calibration.md and data/catalog/calibration.csv",
    )
    options = parser.parse_args()
    begun_s = time.process_time()
    rates, errors = measure(options.replicates)
    for rate in rates:
        print(
            f"{'kept' if rate.is_kept else 'NOT':5}{rate.what:52}{rate.design:28}"
            f"{100 * rate.nominal:4.0f} %{100 * rate.rate:8.1f} ± {100 * rate.error:.1f} %"
            f"  {rate.remark}"
        )
    for name, (level, point, right) in errors.items():
        print(
            f"     {name}: RMSE {level:.2f} levels by the largest gap ({100 * right:.0f} % right),"
            f" {point:.2f} by the half point"
        )
    print(f"{options.replicates} replicates in {time.process_time() - begun_s:.0f} CPU s")
    if options.write:
        NOTE.write_text(as_markdown(rates, errors, options.replicates), encoding="utf-8")
        as_table(rates).to_csv(CALIBRATION_FILE, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
