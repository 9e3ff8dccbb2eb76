"""Audit of a score that a company has: what it predicts, and whether margin follows its changes."""
