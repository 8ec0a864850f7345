"""The page of answers that could not be read."""
