"""Features of atomic structures, with their derivatives."""
