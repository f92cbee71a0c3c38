"""Inspects and controls a world without a request: resources, runs, scenario, the log of calls."""
