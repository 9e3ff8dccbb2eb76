"""Verdicts on first purchases: simulated prospects whose drivers are known."""
