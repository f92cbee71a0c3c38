"""What every Google API has over any transport: status codes, errors, page tokens, credentials."""
