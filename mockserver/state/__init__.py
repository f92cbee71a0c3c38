"""What lives between two requests: records, the clock, worlds, the log of calls."""
