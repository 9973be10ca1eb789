"""What may be varied: parameters, constraints, distributions and expressions as parsed trees. Data only."""
