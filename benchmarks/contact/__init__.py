"""How much contact is too much, on simulated companies whose best number of contacts is known."""
