"""What lies here runs in a copy of the repository: tests/test_recipes.py."""

collect_ignore_glob = ["*"]
