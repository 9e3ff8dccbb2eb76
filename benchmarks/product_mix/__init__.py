"""Product mix: simulated partners whose engagement shifts sales between products."""
