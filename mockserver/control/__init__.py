"""The tester's API under `/_mock/`: one file for each resource; each ends with its operations."""
