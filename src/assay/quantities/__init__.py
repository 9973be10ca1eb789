"""What the user cares about, derived from surrogates and differentiable."""
