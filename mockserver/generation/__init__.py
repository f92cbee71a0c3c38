"""From a prompt to an answer, for both services."""
