"""Expressions of the configuration: parsed, checked, and written as SQL of the engine."""
