"""Builds the documentation site: pages printed from the code, notebooks, and checks."""
