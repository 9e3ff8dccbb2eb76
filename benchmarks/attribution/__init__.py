"""Credit of touchpoints in simulated data sets whose true effects are known."""
