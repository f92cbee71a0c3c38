"""The handle `MockServer` and the fixtures."""
