"""Columns of scores: points, percentiles, changes, reasons, next behaviours, predictions."""
