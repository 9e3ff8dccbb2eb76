"""A part of engagement-ml, copied into this model."""
