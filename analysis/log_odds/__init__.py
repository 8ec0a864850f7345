"""Tasks on the log-odds scale: their ID-OOD gap, tests of whether it changes, and fitted curves.

`analysis.valley` and `analysis.account` both use this package; it imports neither.
"""
