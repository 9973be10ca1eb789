"""Differentiable inference for high-energy physics: a collider analysis as one program with exact gradients."""
