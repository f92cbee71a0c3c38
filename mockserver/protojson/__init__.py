"""Messages to JSON and back, by a schema that is data. Knows no resource and no route."""
