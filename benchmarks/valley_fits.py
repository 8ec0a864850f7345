"""Speed of the refits of a bootstrap: 28 models x 5 levels x 2 splits, 1,000 resamples, all at once
compared with a loop, in the same run.

python -m benchmarks.valley_fits                 the loop runs on a tenth of the fits
python -m benchmarks.valley_fits --share 1       the loop runs on all of them
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import optimize
from scipy.special import expit

from analysis.log_odds.batched_fit import curve_design, fit_many

N_MODELS, N_TASKS, N_ANSWERS = 28, (3, 4, 3, 3, 4), 256
LEVELS = np.arange(1.0, 6.0)
TARGET = 100.0
OPTIMUM = 1e-6


def resampled_counts(resamples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Level counts (resamples, models, cells) like those of a task bootstrap, and the answers of
    each cell.
    """
    rng = np.random.default_rng(seed)
    n = np.tile(np.array(N_TASKS) * N_ANSWERS, 2).astype(float)
    ability = np.linspace(-1.0, 2.5, N_MODELS)[:, None]
    eta = (
        ability
        - np.array([-2.0, -0.5, 1.5, 2.0, 2.5])
        + rng.normal(0, 0.3, (resamples, N_MODELS, 5))
    )
    p = expit(np.concatenate([eta + 0.25, eta - 0.25], axis=-1))
    return rng.binomial(n.astype(int), p).astype(float), n


def one_by_one(
    design: np.ndarray, counts: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The loop: scipy's L-BFGS-B with the gradient, one fit after the other. Returns
    log-likelihoods and coefficients.
    """

    def value_and_gradient(coef: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        eta = design @ coef
        return float((n * np.logaddexp(0.0, eta) - y * eta).sum()), design.T @ (n * expit(eta) - y)

    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-8}
    start = np.zeros(design.shape[1])
    found = [
        optimize.minimize(
            value_and_gradient, start, args=(y,), jac=True, method="L-BFGS-B", options=options
        )
        for y in counts
    ]
    return np.array([-fit.fun for fit in found]), np.array([fit.x for fit in found])


def cpu_s(work: Callable[[], object], repeats: int) -> float:
    """Fastest CPU seconds of this process."""
    spent = []
    for _ in range(repeats):
        begun_s = time.process_time()
        work()
        spent.append(time.process_time() - begun_s)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument(
        "--share", type=float, default=0.1, help="share of the fits that the loop runs on"
    )
    options = parser.parse_args()
    counts, n = resampled_counts(options.resamples)
    fits = counts.reshape(-1, counts.shape[-1])
    few = fits[:: max(1, round(1 / options.share))]
    print(
        f"{N_MODELS} models x {len(LEVELS)} levels x 2 splits x {options.resamples:,} resamples ="
        f" {len(fits):,} fits"
    )
    for curve in ("M1", "M3"):
        design = curve_design(LEVELS, curve)
        fit_many(design, fits, n)
        ours_s = cpu_s(partial(fit_many, design, fits, n), 5) / len(fits)
        begun_s = time.process_time()
        peer_loglik, peer_coef = one_by_one(design, few, n)
        peer_s = (time.process_time() - begun_s) / len(few)
        ours = fit_many(design, few, n)
        eta = ours.coef @ design.T
        loglik = (few * eta - n * np.logaddexp(0.0, eta)).sum(axis=1)
        behind = float((peer_loglik - loglik).max())
        shift_off = float(np.abs(ours.coef[:, -1] - peer_coef[:, -1]).max())
        ratio = peer_s / ours_s
        verdict = "met" if ratio >= TARGET and behind <= OPTIMUM else "MISSED"
        print(
            f"{verdict:7}{curve}: {1e6 * ours_s:8.2f} us a fit, L-BFGS-B loop {1e6 * peer_s:8.1f}"
            f" us (on {len(few):,} fits), ratio {ratio:6.0f} (at least {TARGET:.0f});"
            f" log-likelihood behind the loop's by at most {max(behind, 0):.1e}, shift apart by at"
            f" most {shift_off:.1e}; all {len(fits):,} fits in {ours_s * len(fits):.3f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main()
