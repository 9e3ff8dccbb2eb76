"""Effects on who stays, where churn is an event that ends margin."""
