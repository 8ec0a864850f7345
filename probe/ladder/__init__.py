"""A ladder of small models that this project trained itself, so that what they have seen is a fact
and not a guess.
"""
