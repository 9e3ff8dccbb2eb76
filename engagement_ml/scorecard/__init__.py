"""The scorecard: measures with targets and trends, what each has to do with margin, what to do."""
