"""Monitoring: is what a metric was built on still so? Pure functions over weekly numbers."""
