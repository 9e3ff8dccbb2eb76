"""The commands, one a module of its name; each has an `EXAMPLE` for the end of its help."""
