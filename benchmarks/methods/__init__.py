"""Each method of the comparison behind one small interface."""
