"""Parameter recovery: simulated data with known effects, and methods compared on them."""
