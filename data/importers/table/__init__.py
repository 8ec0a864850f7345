"""Plain tables: CSV, TSV and Parquet."""
