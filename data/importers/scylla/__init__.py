"""SCYLLA: the authors' `out` tree."""
