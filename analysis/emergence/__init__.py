"""Does an ability emerge with scale, and is the jump the model's or the metric's? `studying` is the
way in.
"""
