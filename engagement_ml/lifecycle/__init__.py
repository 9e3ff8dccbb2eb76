"""The life of a metric: which version is in use, what a change of version does, what wears off.

It decides on numbers that are given; it reads no tables, writes nothing and knows no MLflow.
"""
