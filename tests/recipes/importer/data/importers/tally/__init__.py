"""Tally: answers that somebody told right from wrong by hand, in one JSON object."""
