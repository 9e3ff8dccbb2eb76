"""Daily ledgers: events and sessions aggregated by customer and day.

``daily`` and ``sessions`` define the ledgers as Narwhals expressions, which every engine runs;
``events`` and ``lazy`` compute them from one table of events. ``arrow`` computes the same by
sorting arrays, and ``cache`` stores the partitions of large ledgers between runs.
"""
