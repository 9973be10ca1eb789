"""The only place that joins records and numbers: create, ask, tell, run."""
