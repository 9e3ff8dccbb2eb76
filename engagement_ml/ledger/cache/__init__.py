"""Cache of large daily ledgers between runs, in partitions that are rebuilt if files change.

``batches`` groups the files of a source, ``store`` holds write-once files with a manifest,
``builder`` computes the partition of a batch, ``events`` and ``sessions`` combine partitions.
"""
