"""Effects on retention, if churn is an explicit event: discrete-time hazard and cost of churn."""
