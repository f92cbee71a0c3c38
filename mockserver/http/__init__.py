"""The HTTP face, as Google's front end: system parameters, headers, streams and error pages."""
