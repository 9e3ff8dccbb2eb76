"""Robustness checks: placebos, persistence, heterogeneity, interactions, sensitivity."""
