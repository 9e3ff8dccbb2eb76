"""Aggregates plain Parquet files by sorting Arrow arrays."""
