"""Keeps pytest from collecting the code that the golden models hold."""

collect_ignore_glob = ["generation_*/*"]
