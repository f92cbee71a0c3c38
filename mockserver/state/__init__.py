"""Keeping facts between two requests: the clock, the store, the log of calls."""
