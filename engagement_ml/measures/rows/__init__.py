"""Rows that measures of events share: occurrences, trials, activity, sessions, contacts."""
