"""Which structures of a trajectory deserve a label: scores, thresholds and peaks, guards, batches."""
