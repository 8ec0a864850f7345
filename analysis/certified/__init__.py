"""Which function answers which method of the certified values? One entry per method key: inputs of
a vector in, its expected fields out.

`analysis.verify` runs these. A method is listed if Charybdis computes it; nothing is computed
for the check alone.
"""

from analysis.certified import answers, comparison, emergence, metrics, scylla, size_trend, valley
from analysis.certified.reading import Methods

METHODS: Methods = {
    **answers.METHODS,
    **emergence.METHODS,
    **metrics.METHODS,
    **scylla.METHODS,
    **size_trend.METHODS,
    **valley.METHODS,
    **comparison.METHODS,
}
"""Every method of the certified values that Charybdis computes, by its key."""
