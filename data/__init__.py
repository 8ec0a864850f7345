"""The store and everything that puts results in, keeps them and gives them out."""
