"""What formats share: the contract of an importer, value helpers, metrics by name, declared fields,
JSON in pieces, statistics computed again.
"""
