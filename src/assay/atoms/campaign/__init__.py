"""The campaign: a driver of studies that writes structures, to be labelled by an evaluator."""
