"""Results under another metric, denominator or average. `evaluating` takes one choice,
`multiverse` all of them at once.
"""
