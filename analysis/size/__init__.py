"""Does the critical level rise with model size? The entry point is `level_by_size`."""
