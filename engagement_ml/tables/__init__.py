"""One table: its columns, opened, validated, cleaned, duplicates removed."""
