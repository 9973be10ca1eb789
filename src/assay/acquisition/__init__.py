"""Where to look next: what a look is worth, and the search for the best place."""
