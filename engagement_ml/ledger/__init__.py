"""Events and sessions aggregated by customer and day."""
