"""The rungs: shape, learning rate and seeds of every model of the ladder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.ladder.compact import VOCABULARY

TRAIN_TOKENS = 6_000_000


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of the ladder."""

    name: str
    width: int
    layers: int
    heads: int
    hidden: int
    """Width of the gated feed-forward part."""
    learning_rate: float
    """Of the part that AdamW trains; Muon's is three times as high. Tuned per size."""
    seeds: tuple[int, ...]
    note: str = ""

    @property
    def n_params(self) -> int:
        """Exact number, with the embedding counted once (it is also the output layer)."""
        block = 4 * self.width**2 + 3 * self.width * self.hidden + 2 * self.width
        return len(VOCABULARY) * self.width + self.layers * block + self.width

    def train_flops(self, tokens: float) -> float:
        """Estimate 6 x parameters x tokens."""
        return 6 * self.n_params * tokens


RUNGS: dict[str, Rung] = {
    rung.name: rung
    for rung in (
        Rung("1k", 8, 1, 1, 16, 1e-2, (0, 1, 2)),
        Rung("3k", 12, 2, 2, 16, 8e-3, (0, 1, 2)),
        Rung("5k", 16, 2, 2, 24, 6e-3, (0, 1, 2)),
        Rung("20k", 32, 2, 4, 56, 4e-3, (0, 1, 2)),
        Rung("80k", 48, 3, 4, 112, 2.5e-3, (0, 1, 2)),
        Rung("300k", 80, 4, 5, 208, 1.8e-3, (0, 1)),
        Rung("1M", 128, 5, 8, 336, 1.2e-3, (0, 1)),
        Rung(
            "3k-badlr",
            12,
            2,
            2,
            16,
            4e-3,
            (0,),
            "half the tuned learning rate: it makes a break between sizes that is no emergence",
        ),
    )
}


def model_name(rung: Rung, seed: int) -> str:
    """Name of a model of the ladder, for example `ladder-80k-s0`."""
    return f"ladder-{rung.name}-s{seed}"


def every_model() -> Iterator[tuple[Rung, int]]:
    """All models in the order in which they are trained: the first seed of every rung, then the
    second, then the third.
    """
    for seed in range(3):
        yield from ((rung, seed) for rung in RUNGS.values() if seed in rung.seeds)
