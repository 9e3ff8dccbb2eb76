"""Measures of engagement and of business: one catalogue, computed on any engine."""
