"""Measurements beside the peers: `python -m benchmarks suggest | regret | film`."""
