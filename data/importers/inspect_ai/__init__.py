"""Inspect AI: `.eval` archives and `.json` logs."""
