"""The tester's own API under `/_mock/`: one file a resource, each ending in its operations."""
