"""The bias of hyperactive learning: committees, forms of the bias, its strength, and the calculator that dynamics uses."""
