"""Exploration: what a response is over its parameters; a thin face of a study."""
