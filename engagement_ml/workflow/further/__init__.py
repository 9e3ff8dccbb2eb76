"""The parts of a run beside the drivers of margin: what each reads, and what it finds."""
