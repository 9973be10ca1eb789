"""Linear potentials: labels, design, fit, belief, and whether its uncertainties are right."""
