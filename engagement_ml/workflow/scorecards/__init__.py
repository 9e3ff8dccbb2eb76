"""Parts of the scorecard's workflow: what it reads, computes with engines, and writes."""
