"""lighteval: results with their details."""
