"""The HTTP face: system parameters, headers, streams and error pages of Google's front end."""
