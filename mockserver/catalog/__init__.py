"""Base models and their eras, as data."""
