"""Tables in, frozen results out: one folder per question, and files with the parts that
they share.
"""
