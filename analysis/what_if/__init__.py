"""What would another metric, denominator or average say? `evaluating` takes one choice,
`multiverse` all of them at once.
"""
