"""Recordings of the real services: record, scrub, replay, compare."""
