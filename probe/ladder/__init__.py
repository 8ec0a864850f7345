"""A ladder of small models that this project trained itself, so that their training data are known
and not guessed.
"""
