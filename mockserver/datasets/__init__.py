"""Training data: where it is stored, how it is read, checked, counted and reported on."""
