"""From score to action to proof: the list with its control group, the reading, the record."""
