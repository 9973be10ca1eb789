"""Molecular dynamics that restarts to the bit: Langevin steps, cell and swap Monte Carlo, walls, limits, walkers."""
