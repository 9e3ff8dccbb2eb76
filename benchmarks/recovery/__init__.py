"""Worlds with known truth, what people use instead, and the run that compares them."""
