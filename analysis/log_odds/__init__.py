"""Tasks on the log-odds scale: their ID-OOD gap, tests of whether it changes, and fitted curves.

What both the valley and its account rest on; it knows neither.
"""
