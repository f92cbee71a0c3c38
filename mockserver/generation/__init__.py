"""Generation for both services: from a prompt to an outcome."""
