"""Presets: a small simulated data set with known truth for each kind of company."""
