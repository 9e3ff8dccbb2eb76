"""Keeps the daily ledger of large files between runs."""
