"""Google's front end: JSON, errors, parameters and paging. Knows no resource and no route."""
