"""Kinds of measures: value and 95% interval from totals of customers."""
