"""Robustness checks of the findings: placebos, persistence, segments, interactions, sensitivity."""
