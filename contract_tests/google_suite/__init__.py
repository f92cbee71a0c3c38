"""Google's own tests of google-genai, which its wheel ships, run against the mock server: `make google-suite`."""

SECTION = "## Google's own tests"
"""The title of the section of docs/coverage.md that has the figures; `make coverage-table` writes the rest."""
