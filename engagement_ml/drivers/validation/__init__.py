"""What is asked of findings besides: placebos, time, segments, pairs, robustness."""
