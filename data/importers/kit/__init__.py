"""What formats share: the contract of an importer, declared fields, JSON in pieces, statistics
computed again.
"""
