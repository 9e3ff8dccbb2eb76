"""Verdicts on surveys' scores on simulated data sets with known truth."""
