"""Array types, and the selection of complete entries."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def complete(*columns: ArrayLike) -> tuple[Floats, ...]:
    """The columns as floats, without the entries that are undefined (NaN) in any of them."""
    values = np.stack([np.asarray(column, dtype=float).ravel() for column in columns])
    return tuple(values[:, ~np.isnan(values).any(axis=0)])
