"""One input table: opened, validated, cleaned, duplicates removed, rows counted by reason.

Modules without a prefix work on DuckDB in SQL; the ``lazy_`` modules work on any Narwhals engine
and give the same rows and the same messages, except for row numbers.
"""
