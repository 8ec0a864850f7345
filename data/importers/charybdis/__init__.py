"""Our own format, JSONL and Parquet."""
