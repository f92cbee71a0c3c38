"""What a test holds: the handle `MockServer` and the fixtures."""
