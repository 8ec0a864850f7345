"""Does the critical level rise with model size? `level_by_size` is the way in."""
