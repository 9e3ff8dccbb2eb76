"""Families of measures: the entries of the catalogue, by what they are computed from."""
