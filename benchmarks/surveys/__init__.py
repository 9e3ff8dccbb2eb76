"""Known truth for the verdicts on surveys."""
