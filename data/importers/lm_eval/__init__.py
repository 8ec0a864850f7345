"""lm-evaluation-harness: results and samples of 0.4, results before 0.4."""
