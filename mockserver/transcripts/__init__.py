"""Recorded reality: taken down without its secrets, read from whoever recorded it, and held against the mock server."""
