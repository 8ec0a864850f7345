"""Tables in, frozen results out: one folder a question, and beside the folders what the questions
share.
"""
