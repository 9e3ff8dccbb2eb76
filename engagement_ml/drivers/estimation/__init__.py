"""Effects within entities: who does more of it than usual, and what margin does afterwards."""
