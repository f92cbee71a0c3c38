"""Looking at a world and steering it without a request: resources, runs, the log of calls."""
