"""Sequences and pairs of behaviours, against worlds in which their effects are known."""
