from docs.certified_values.parts import Vectors

VECTORS: Vectors = {}
